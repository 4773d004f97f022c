/** The worker thread that reads tenants files: it is started with `ReloadSettings` and speaks as tenants-messages.ts says. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ChangeHints } from './change-hints.ts';
import { type ConfigurationFault, renderFaults } from './fault.ts';
import { TenantsAssembly } from './tenants-assembly.ts';
import { type MainMessage, RESCAN, type ReloadSettings, TAKEN, type WorkerMessage } from './tenants-messages.ts';
import { type ScanResult, TenantsSource } from './tenants-source.ts';

/** Faults in one message. */
const FAULTS_A_MESSAGE = 500;

/** After a scan hints wait for this multiple of its duration, and at most `LONGEST_REST_MS`: a folder that never rests costs a fifth of a core. */
const REST_FACTOR = 4;
const LONGEST_REST_MS = 2_000;

class ReloadLoop {
  readonly #settings: ReloadSettings;
  readonly #port: MessagePort;
  readonly #source: TenantsSource;
  readonly #assembly = new TenantsAssembly();
  readonly #hints: ChangeHints;
  #timer: NodeJS.Timeout | undefined;
  #isScanning = false;
  #isHinted = false;
  #isFirst = true;
  #restUntilMs = 0;
  #lastFaults: string | undefined;
  #taken = Promise.withResolvers<void>();

  constructor(settings: ReloadSettings, port: MessagePort) {
    this.#settings = settings;
    this.#port = port;
    this.#source = new TenantsSource(settings.path, settings.patience);
    this.#hints = new ChangeHints(settings.path, {
      onHint: () => this.#hint(),
      onFailure: (error) => this.#post({ kind: 'trouble', message: `folders are not watched: ${String(error)}` }),
    });
    port.on('message', (message: MainMessage) => {
      if (message === TAKEN) this.#taken.resolve();
      else if (message === RESCAN) this.#isScanning ? this.#hint() : this.#scanIn(0);
    });
  }

  /** Scans, and from then on scans whenever it is time. Never two scans at once. */
  async scan(): Promise<void> {
    this.#isScanning = true;
    this.#isHinted = false;
    // Before the scan: what changes while it runs must be heard of.
    this.#hints.rearm();
    const startMs = performance.now();
    const result = this.#source.scan(startMs);
    if (result.isSettled) await this.#publish(result, startMs);
    const endMs = performance.now();
    this.#restUntilMs = endMs + Math.min((endMs - startMs) * REST_FACTOR, LONGEST_REST_MS);
    this.#isScanning = false;
    if (!result.isSettled) this.#scanIn(this.#settings.patience.quietMs);
    else if (this.#isHinted || result.isRestless) this.#scanSoon();
    else this.#scanIn(this.#settings.rescanIntervalMs);
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
    this.#timer = setTimeout(() => void this.scan(), delayMs);
  }

  async #publish(result: ScanResult, startMs: number): Promise<void> {
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
    if (changedTenants + removedTenants === 0 && !areFaultsNew) return;
    const { files, parsedFiles } = result;
    const durationMs = performance.now() - startMs;
    const report = { tenants: this.#assembly.size, changedTenants, removedTenants, files, parsedFiles, durationMs };
    await this.#deliver({ kind: 'scanned', report, areFaultsNew });
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

  async #deliver(message: WorkerMessage): Promise<void> {
    this.#taken = Promise.withResolvers();
    this.#post(message);
    await this.#taken.promise;
  }

  #post(message: WorkerMessage): void {
    this.#port.postMessage(message);
  }
}

if (parentPort === null) throw new Error('tenants-worker runs as a worker thread only');
await new ReloadLoop(workerData as ReloadSettings, parentPort).scan();
