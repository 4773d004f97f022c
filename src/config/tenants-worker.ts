/** The worker thread that reads tenants files: it is started with `ReloadSettings` and speaks as tenants-messages.ts says. */

import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ChangeHints } from './change-hints.ts';
import { type ConfigurationFault, renderFaults } from './fault.ts';
import { TenantsAssembly } from './tenants-assembly.ts';
import { type MainMessage, RESCAN, type ReloadSettings, TAKEN, type WorkerMessage } from './tenants-messages.ts';
import { type ScanResult, TenantsSource } from './tenants-source.ts';

/** Faults in one message. */
const FAULTS_A_MESSAGE = 500;

/** After a hint a scan waits for this multiple of the last scan's duration: a folder that never rests costs at most a fifth of a core. */
const REST_FACTOR = 4;

class ReloadLoop {
  readonly #settings: ReloadSettings;
  readonly #port: MessagePort;
  readonly #source: TenantsSource;
  readonly #assembly = new TenantsAssembly();
  readonly #hints: ChangeHints;
  #timer: NodeJS.Timeout | undefined;
  #isScanning = false;
  #isHinted = false;
  #lastFaults: string | undefined;
  #restUntilMs = 0;

  constructor(settings: ReloadSettings, port: MessagePort) {
    this.#settings = settings;
    this.#port = port;
    this.#source = new TenantsSource(settings.path, settings.patience);
    this.#hints = new ChangeHints(settings.path, {
      onHint: () => this.#hint(),
      onFailure: (error) => this.#post({ kind: 'trouble', message: `folders are not watched: ${String(error)}` }),
    });
    port.on('message', (message: MainMessage) => {
      if (message === RESCAN) this.#scanIn(0);
    });
  }

  /** Scans, and from then on scans whenever it is time. Never two scans at once. */
  async scan(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isScanning = true;
    this.#isHinted = false;
    // Before the scan: what changes while it runs must be heard of.
    this.#hints.rearm();
    const startMs = performance.now();
    const result = this.#source.scan(startMs);
    await this.#publish(result, startMs);
    const endMs = performance.now();
    this.#restUntilMs = endMs + (endMs - startMs) * REST_FACTOR;
    this.#isScanning = false;
    const { rescanIntervalMs, patience } = this.#settings;
    if (this.#isHinted) this.#hint();
    else this.#scanIn(result.isSettled ? rescanIntervalMs : patience.quietMs);
  }

  /** The first hint of several sets the time. */
  #hint(): void {
    if (this.#isHinted && !this.#isScanning && this.#timer !== undefined) return;
    this.#isHinted = true;
    if (!this.#isScanning) this.#scanIn(Math.max(this.#settings.debounceMs, this.#restUntilMs - performance.now()));
  }

  #scanIn(delayMs: number): void {
    if (this.#isScanning) {
      this.#isHinted = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.scan(), delayMs);
  }

  async #publish(result: ScanResult, startMs: number): Promise<void> {
    if (!result.isSettled) return;
    let changedTenants = 0;
    let removedTenants = 0;
    for (const changes of this.#assembly.replace(result.replacements)) {
      changedTenants += changes.changed.length;
      removedTenants += changes.removed.length;
      await this.#deliver({ kind: 'slice', changes });
    }
    const haveFaultsChanged = await this.#publishFaults(result.faults);
    if (changedTenants + removedTenants === 0 && !haveFaultsChanged) return;
    const { files, parsedFiles } = result;
    const durationMs = performance.now() - startMs;
    const report = { tenants: this.#assembly.size, changedTenants, removedTenants, files, parsedFiles, durationMs };
    await this.#deliver({ kind: 'scanned', report });
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
    this.#post(message);
    for (;;) {
      const [answer] = (await once(this.#port, 'message')) as [MainMessage];
      if (answer === TAKEN) return;
    }
  }

  #post(message: WorkerMessage): void {
    this.#port.postMessage(message);
  }
}

if (parentPort === null) throw new Error('tenants-worker runs as a worker thread only');
await new ReloadLoop(workerData as ReloadSettings, parentPort).scan();
