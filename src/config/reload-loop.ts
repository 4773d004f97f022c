import { deserialize, serialize } from 'node:v8';
import { ChangeHints } from './change-hints.ts';
import { type ConfigurationFault, renderFaults } from './fault.ts';
import { TenantsAssembly } from './tenants-assembly.ts';
import { type RESCAN, type ReaderMessage, type ReloadSettings, TAKEN } from './tenants-messages.ts';
import { type ScanResult, type SourceMemory, TenantsSource } from './tenants-source.ts';

/** Faults in one message. */
const FAULTS_A_MESSAGE = 500;

/** After a scan hints wait for this multiple of its duration, and at most `LONGEST_REST_MS`: a folder that never rests costs a fifth of a core. */
const REST_FACTOR = 4;
const LONGEST_REST_MS = 2_000;

/** After a change: then the files' time stamps are old enough to tell the next one by. */
const SECOND_LOOK_MS = 2_500;

/** Reads tenants files and keeps watching them, in the process that reads configuration; tells the daemon what changes. */
export class ReloadLoop {
  readonly #settings: ReloadSettings;
  readonly #post: (message: ReaderMessage) => void;
  readonly #source: TenantsSource;
  readonly #assembly = new TenantsAssembly();
  readonly #hints: ChangeHints;
  #timer: NodeJS.Timeout | undefined;
  #isScanning = false;
  #isHinted = false;
  #isFirst: boolean;
  #restUntilMs = 0;
  #lastFaults: string | undefined;
  #taken = Promise.withResolvers<void>();

  constructor(settings: ReloadSettings, post: (message: ReaderMessage) => void) {
    this.#settings = settings;
    this.#post = post;
    const memory = settings.memory && (deserialize(settings.memory) as SourceMemory);
    this.#isFirst = memory === undefined;
    this.#source = new TenantsSource(settings.path, settings.patience, memory);
    if (memory !== undefined) this.#recall(memory);
    this.#hints = new ChangeHints(settings.path, {
      onHint: () => this.#hint(),
      onFailure: (error) => post({ kind: 'trouble', message: `folders are not watched: ${String(error)}` }),
    });
  }

  /** Begins with a scan, and from then on scans whenever it is time. Never two scans at once. */
  start(): void {
    this.#scanIn(0);
  }

  hear(message: typeof TAKEN | typeof RESCAN): void {
    if (message === TAKEN) this.#taken.resolve();
    else if (this.#isScanning) this.#hint();
    else this.#scanIn(0);
  }

  /** What the daemon has been told already. */
  #recall({ served }: SourceMemory): void {
    const replacements = [...served].map(([file, next]) => ({ file, previous: undefined, next }));
    for (const _ of this.#assembly.replace(replacements));
    this.#lastFaults = renderFaults(this.#source.faults);
  }

  async #scan(): Promise<void> {
    this.#isScanning = true;
    this.#isHinted = false;
    // Before the scan: what changes while it runs must be heard of.
    await this.#hints.rearm();
    const startMs = performance.now();
    const result = this.#source.scan(startMs);
    const isChanged = result.isSettled && (await this.#publish(result, startMs));
    const endMs = performance.now();
    this.#restUntilMs = endMs + Math.min((endMs - startMs) * REST_FACTOR, LONGEST_REST_MS);
    this.#isScanning = false;
    this.#goOn(result, isChanged);
  }

  #goOn(result: ScanResult, isChanged: boolean): void {
    const { patience, rescanIntervalMs, mostAtRest } = this.#settings;
    const isSmall = this.#assembly.size <= mostAtRest && result.files <= mostAtRest;
    if (!result.isSettled) this.#scanIn(patience.quietMs);
    else if (this.#isHinted || result.isRestless) this.#scanSoon();
    else if (!isSmall) this.#scanIn(rescanIntervalMs);
    else if (this.#source.memory !== undefined) this.#rest(this.#source.memory);
    else this.#scanIn(isChanged ? Math.min(SECOND_LOOK_MS, rescanIntervalMs) : rescanIntervalMs);
  }

  #rest(memory: SourceMemory): void {
    clearTimeout(this.#timer);
    this.#hints.close();
    const signatures = new Map([...memory.versions].map(([file, { signature }]) => [file, signature]));
    this.#post({ kind: 'resting', memory: serialize(memory), signatures });
  }

  /** The first of several hints sets the time. */
  #hint(): void {
    if (this.#isHinted) return;
    this.#isHinted = true;
    if (!this.#isScanning) this.#scanSoon();
  }

  #scanSoon(): void {
    this.#scanIn(Math.max(this.#settings.debounceMs, this.#restUntilMs - performance.now()));
  }

  #scanIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#scan().catch((error) => this.#fail(error)), delayMs);
  }

  #fail(error: unknown): void {
    this.#post({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }

  /** True where there was anything to publish. */
  async #publish(result: ScanResult, startMs: number): Promise<boolean> {
    const isRefused = this.#isFirst && !this.#settings.isRestart && result.faults.length > 0;
    this.#isFirst = false;
    let changedTenants = 0;
    let removedTenants = 0;
    for (const changes of this.#assembly.replace(isRefused ? [] : result.replacements)) {
      changedTenants += changes.changed.length;
      removedTenants += changes.removed.length;
      await this.#deliver({ kind: 'slice', changes });
    }
    const areFaultsNew = await this.#publishFaults(result.faults);
    if (changedTenants + removedTenants === 0 && !areFaultsNew) return false;
    const { files, parsedFiles } = result;
    const durationMs = performance.now() - startMs;
    const report = { tenants: this.#assembly.size, changedTenants, removedTenants, files, parsedFiles, durationMs };
    await this.#deliver({ kind: 'scanned', report, areFaultsNew });
    return true;
  }

  /** True where they are not those of the last scan; the first scan's always are. */
  async #publishFaults(faults: readonly ConfigurationFault[]): Promise<boolean> {
    const rendered = renderFaults(faults);
    if (rendered === this.#lastFaults) return false;
    this.#lastFaults = rendered;
    for (let from = 0; from < faults.length; from += FAULTS_A_MESSAGE) {
      await this.#deliver({ kind: 'faults', faults: faults.slice(from, from + FAULTS_A_MESSAGE) });
    }
    return true;
  }

  async #deliver(message: ReaderMessage): Promise<void> {
    this.#taken = Promise.withResolvers();
    this.#post(message);
    await this.#taken.promise;
  }
}
