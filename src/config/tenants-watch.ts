import { resolve } from 'node:path';
import type { TenantId } from '../core/ids.ts';
import type { TenantChanges } from '../tenants/directory.ts';
import { ConfigurationError, type ConfigurationFault } from './fault.ts';
import { RestingWatch } from './resting-watch.ts';
import type { Patience } from './settling.ts';
import { RESCAN, type Reader, type ReaderMessage, type ReloadSettings, type ScanReport, TAKEN } from './tenants-messages.ts';

/** Ids in one slice when tenants are removed that a reader started again no longer finds. */
const REMOVALS_AT_ONCE = 500;

/** What the last scan that mattered came to. */
export interface ReloadReport extends ScanReport {
  /** All that is wrong on disk; each file named serves its previous version. Empty: what is on disk is what is served. */
  readonly faults: readonly ConfigurationFault[];
}

export interface TenantsWatchOptions {
  /** A tenants file, or a folder of them. */
  readonly path: string;
  /** From one full scan to the next, in milliseconds; hints of the file system bring scans forward. */
  readonly rescanIntervalMs: number;
  /** Called with one slice of changes after another, each in an event-loop turn of its own and once the one before is dealt with. */
  readonly onChange: (changes: TenantChanges) => void | Promise<void>;
  /** Called once a scan that changed something or whose faults differ from the last; not for the first load, which `load` answers. */
  readonly onReload?: (report: ReloadReport) => void;
  /** Called where reloading itself is in trouble; what was loaded is served on. */
  readonly onTrouble?: (error: Error) => void;
  readonly timing?: Partial<ReloadTiming>;
  /** Starts the process that reads; the first may have been started already. */
  readonly startReader: () => Reader;
}

export interface ReloadTiming extends Patience {
  readonly debounceMs: number;
  /** Before a reader that ended is started again; doubled each time up to 32 times, until one has loaded. */
  readonly restartDelayMs: number;
  /** With this many tenants and files at most the reader ends while nothing changes. */
  readonly mostAtRest: number;
}

const TIMING: ReloadTiming = {
  debounceMs: 100,
  quietMs: 100,
  removalGraceMs: 1_000,
  longestWaitMs: 5_000,
  restartDelayMs: 1_000,
  mostAtRest: 1_000,
};

export interface TenantsWatch {
  /**
   * Loads all tenants, and keeps them up to date from then on. Call it once.
   * @throws {ConfigurationError} where anything is wrong in any file: all faults, nothing was handed out, and nothing is watched
   */
  load(): Promise<ReloadReport>;
  /** Asks for a scan now rather than at its time. */
  rescan(): void;
  /** What is wrong on disk, as of the last scan. */
  readonly faults: readonly ConfigurationFault[];
  /** Stops reloading. What was handed out stays. */
  close(): Promise<void>;
}

/**
 * Reads tenants files in a process of its own. Of a deployment that is not large it ends as soon as what is on disk is served, and what
 * it knows is kept for the next: this process then only looks at the files' time stamps.
 */
export function watchTenants(options: TenantsWatchOptions): TenantsWatch {
  return new ReaderWatch(options);
}

class ReaderWatch implements TenantsWatch {
  readonly #options: TenantsWatchOptions;
  readonly #timing: ReloadTiming;
  readonly #first = Promise.withResolvers<ReloadReport>();
  /** Every tenant handed out and not removed since. */
  readonly #known = new Set<TenantId>();
  /** Those a reader started again has found; undefined while there is nothing to compare. */
  #found: Set<TenantId> | undefined;
  /** Those it has not, still to be removed. */
  readonly #lost = new Set<TenantId>();
  #reader: Reader | undefined;
  #resting: RestingWatch | undefined;
  #restart: NodeJS.Timeout | undefined;
  #restarts = 0;
  #isLoaded = false;
  #isClosed = false;
  #arrivingFaults: ConfigurationFault[] = [];
  #faults: readonly ConfigurationFault[] = [];

  constructor(options: TenantsWatchOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  get faults(): readonly ConfigurationFault[] {
    return this.#faults;
  }

  load(): Promise<ReloadReport> {
    this.#start();
    return this.#first.promise;
  }

  rescan(): void {
    if (this.#resting === undefined) this.#reader?.send(RESCAN);
    else this.#resting.look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    this.#resting?.close();
    if (this.#reader !== undefined) this.#first.reject(new Error('closed before the tenants were loaded'));
    await this.#reader?.end();
  }

  #start(memory?: Uint8Array): void {
    const { debounceMs, quietMs, removalGraceMs, longestWaitMs, mostAtRest } = this.#timing;
    const settings: ReloadSettings = {
      path: resolve(this.#options.path),
      rescanIntervalMs: this.#options.rescanIntervalMs,
      debounceMs,
      patience: { quietMs, removalGraceMs, longestWaitMs },
      isRestart: this.#isLoaded,
      memory,
      mostAtRest,
    };
    const reader = this.#options.startReader();
    this.#reader = reader;
    let failure: Error | undefined;
    reader.listen({
      onMessage: (message) => {
        if (message.kind === 'failed') failure = new Error(message.message);
        else this.#receive(message);
      },
      onEnd: (cause) => this.#ended(failure ?? cause),
    });
    reader.send({ kind: 'watch', settings });
  }

  #ended(failure: Error | undefined): void {
    this.#reader = undefined;
    if (this.#isClosed) return;
    const error = new Error('the process that reads tenants files ended', { cause: failure });
    if (!this.#isLoaded) {
      this.#first.reject(error);
      return;
    }
    this.#options.onTrouble?.(error);
    this.#arrivingFaults = [];
    this.#found = new Set();
    const delayMs = this.#timing.restartDelayMs * 2 ** Math.min(this.#restarts, 5);
    this.#restarts += 1;
    this.#restart = setTimeout(() => this.#start(), delayMs);
  }

  #receive(message: ReaderMessage): void {
    if (this.#isClosed) return;
    if (message.kind === 'trouble') this.#options.onTrouble?.(new Error(message.message));
    else if (message.kind === 'resting') this.#rest(message);
    else void this.#takeOver(message);
  }

  async #takeOver(message: ReaderMessage): Promise<void> {
    if (message.kind === 'slice') await this.#take(message.changes);
    else if (message.kind === 'faults') this.#arrivingFaults.push(...message.faults);
    else if (message.kind === 'scanned') this.#scanned(message);
    // A turn of the event loop for the requests that wait, before the next slice.
    setImmediate(() => this.#reader?.send(TAKEN));
  }

  #rest({ memory, signatures }: Extract<ReaderMessage, { kind: 'resting' }>): void {
    void this.#reader?.end();
    this.#reader = undefined;
    const { path, rescanIntervalMs } = this.#options;
    this.#resting = new RestingWatch({
      path: resolve(path),
      signatures,
      rescanIntervalMs,
      debounceMs: this.#timing.debounceMs,
      onChange: () => {
        this.#resting = undefined;
        this.#start(memory);
      },
      onTrouble: (error) => this.#options.onTrouble?.(error),
    });
  }

  async #take(changes: TenantChanges): Promise<void> {
    for (const { id } of changes.changed) {
      this.#known.add(id);
      this.#found?.add(id);
      this.#lost.delete(id);
    }
    for (const id of changes.removed) {
      this.#known.delete(id);
      this.#lost.delete(id);
    }
    try {
      await this.#options.onChange(changes);
    } catch (error) {
      this.#options.onTrouble?.(new Error('a change of tenants was not taken over without error', { cause: error }));
    }
  }

  #scanned(scan: { readonly report: ScanReport; readonly areFaultsNew: boolean }): void {
    if (scan.areFaultsNew) this.#faults = this.#arrivingFaults;
    this.#arrivingFaults = [];
    const report = { ...scan.report, faults: this.#faults };
    if (!this.#isLoaded) {
      this.#loaded(report);
      return;
    }
    this.#restarts = 0;
    if (this.#found !== undefined && this.#faults.length === 0) this.#loseAllBut(this.#found);
    this.#options.onReload?.(report);
  }

  #loaded(report: ReloadReport): void {
    if (report.faults.length === 0) {
      this.#isLoaded = true;
      this.#first.resolve(report);
      return;
    }
    this.#first.reject(new ConfigurationError(report.faults));
    void this.close();
  }

  /** A reader started again cannot know what its files held before: what it does not find is removed once it finds no fault. */
  #loseAllBut(found: ReadonlySet<TenantId>): void {
    this.#found = undefined;
    for (const id of this.#known) if (!found.has(id)) this.#lost.add(id);
    this.#removeLost();
  }

  #removeLost(): void {
    if (this.#lost.size === 0 || this.#isClosed) return;
    const removed = [...this.#lost].slice(0, REMOVALS_AT_ONCE);
    void this.#take({ changed: [], removed }).then(() => setImmediate(() => this.#removeLost()));
  }
}
