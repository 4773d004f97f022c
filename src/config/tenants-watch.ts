import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { TenantId } from '../core/ids.ts';
import type { TenantChanges } from '../tenants/directory.ts';
import { ConfigurationError, type ConfigurationFault } from './fault.ts';
import type { Patience } from './settling.ts';
import { type MainMessage, RESCAN, type ReloadSettings, type ScanReport, TAKEN, type WorkerMessage } from './tenants-messages.ts';

/** Ids in one message when tenants are removed that a restarted worker no longer finds. */
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
  /** Called with one slice of changes after another, each in an event-loop turn of its own. */
  readonly onChange: (changes: TenantChanges) => void;
  /** Called once a scan that changed something or whose faults differ from the last; not for the first load, which `load` answers. */
  readonly onReload?: (report: ReloadReport) => void;
  /** Called where reloading itself is in trouble; what was loaded is served on. */
  readonly onTrouble?: (error: Error) => void;
  readonly timing?: Partial<ReloadTiming>;
  /** Starts the thread; a test may keep hold of it. */
  readonly startWorker?: (settings: ReloadSettings) => Worker;
}

export interface ReloadTiming extends Patience {
  readonly debounceMs: number;
  /** Before a worker that ended is started again; doubled each time up to 32 times, until one has loaded. */
  readonly restartDelayMs: number;
}

const TIMING: ReloadTiming = {
  debounceMs: 100,
  quietMs: 100,
  removalGraceMs: 1_000,
  longestWaitMs: 5_000,
  restartDelayMs: 1_000,
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

/** Reads tenants files in a thread of its own, so that no number of tenants holds up the requests of this one. */
export function watchTenants(options: TenantsWatchOptions): TenantsWatch {
  return new WorkerWatch(options);
}

class WorkerWatch implements TenantsWatch {
  readonly #options: TenantsWatchOptions;
  readonly #timing: ReloadTiming;
  readonly #first = Promise.withResolvers<ReloadReport>();
  /** Every tenant handed out and not removed since. */
  readonly #known = new Set<TenantId>();
  /** Those a restarted worker has found again; undefined while there is nothing to compare. */
  #found: Set<TenantId> | undefined;
  /** Those it has not, still to be removed. */
  readonly #lost = new Set<TenantId>();
  #worker: Worker | undefined;
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
    this.#send(RESCAN);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    if (this.#worker !== undefined) this.#first.reject(new Error('closed before the tenants were loaded'));
    await this.#worker?.terminate();
  }

  #start(): void {
    const { debounceMs, quietMs, removalGraceMs, longestWaitMs } = this.#timing;
    const settings: ReloadSettings = {
      path: resolve(this.#options.path),
      rescanIntervalMs: this.#options.rescanIntervalMs,
      debounceMs,
      patience: { quietMs, removalGraceMs, longestWaitMs },
      isRestart: this.#isLoaded,
    };
    const worker = (this.#options.startWorker ?? startWorker)(settings);
    this.#worker = worker;
    let failure: Error | undefined;
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => this.#ended(failure));
    worker.on('message', (message: WorkerMessage) => this.#receive(message));
  }

  #ended(failure: Error | undefined): void {
    this.#worker = undefined;
    if (this.#isClosed) return;
    const error = new Error('the thread that reads tenants files ended', { cause: failure });
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

  #receive(message: WorkerMessage): void {
    if (this.#isClosed) return;
    if (message.kind === 'trouble') {
      this.#options.onTrouble?.(new Error(message.message));
      return;
    }
    if (message.kind === 'slice') this.#take(message.changes);
    else if (message.kind === 'faults') this.#arrivingFaults.push(...message.faults);
    else this.#scanned(message);
    // A turn of the event loop for the requests that wait, before the next slice.
    setImmediate(() => this.#send(TAKEN));
  }

  #take(changes: TenantChanges): void {
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
      this.#options.onChange(changes);
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

  /** A restarted worker cannot know what its files held before: what it does not find is removed once it finds no fault. */
  #loseAllBut(found: ReadonlySet<TenantId>): void {
    this.#found = undefined;
    for (const id of this.#known) if (!found.has(id)) this.#lost.add(id);
    this.#removeLost();
  }

  #removeLost(): void {
    if (this.#lost.size === 0 || this.#isClosed) return;
    const removed = [...this.#lost].slice(0, REMOVALS_AT_ONCE);
    this.#take({ changed: [], removed });
    setImmediate(() => this.#removeLost());
  }

  #send(message: MainMessage): void {
    this.#worker?.postMessage(message);
  }
}

/** The thread that runs tenants-worker: run from source this module and that are `.ts`, compiled they are `.js`. */
export function startWorker(settings: ReloadSettings): Worker {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new Worker(new URL(`./tenants-worker${extension}`, import.meta.url), { workerData: settings, name: 'keyside-tenants' });
}
