import { setTimeout as pause } from 'node:timers/promises';
import { type EncryptedDocument, KeysideClient, KeysideError } from '../../clients/typescript/src/index.ts';
import { COLD_LABEL } from './tenant-calls.ts';

const FIELDS = { name: Buffer.from('whose key is out of reach') };
const PAUSE_BETWEEN_CALLS_MS = 20;

export interface VictimCall {
  readonly startedMs: number;
  readonly tookMs: number;
  /** `OK`, or why it failed. */
  readonly reason: string;
  readonly sentence: string;
}

/**
 * The tenant whose KMS is disturbed: a call every 20 ms, whatever becomes of those before, each of which needs the KMS. The same in
 * quiet and in disturbed times, so that the others always share the daemon with as many calls.
 */
export class Victim {
  readonly #client: KeysideClient;
  readonly #tenantId: string;
  readonly #underWay = new Set<Promise<void>>();
  #calls: VictimCall[] = [];
  #stored: EncryptedDocument | undefined;
  #reads = false;
  #isWanted = true;
  readonly #ended: Promise<void>;

  constructor(address: string, tenantId: string) {
    this.#client = new KeysideClient({ address, timeoutMs: 30_000, maxAttempts: 1 });
    this.#tenantId = tenantId;
    this.#ended = this.#run();
  }

  /** The calls that ended since the last look. */
  take(): readonly VictimCall[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  /** Waits for a call that was started from now on and ended so. Throws after `limitMs`. */
  async until(hasEnded: (call: VictimCall) => boolean, limitMs: number): Promise<void> {
    const startMs = performance.now();
    while (!this.#calls.some((call) => call.startedMs >= startMs && hasEnded(call))) {
      if (performance.now() - startMs > limitMs)
        throw new Error(`${this.#tenantId} waited ${limitMs} ms in vain: ${countedReasons(this.#calls)}`);
      await pause(5);
    }
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    await this.#ended;
    await Promise.all(this.#underWay);
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      const call: Promise<void> = this.#call().finally(() => this.#underWay.delete(call));
      this.#underWay.add(call);
      await pause(PAUSE_BETWEEN_CALLS_MS);
    }
  }

  async #call(): Promise<void> {
    const startedMs = performance.now();
    const metadata = { tenantId: this.#tenantId, dataLabel: COLD_LABEL };
    let failure: KeysideError | undefined;
    try {
      // Reads and writes in turn, once there is something to read.
      this.#reads = this.#stored !== undefined && !this.#reads;
      if (this.#reads) await this.#client.decrypt(this.#stored as EncryptedDocument, metadata);
      else this.#stored = await this.#client.encrypt(FIELDS, metadata);
    } catch (error) {
      if (!(error instanceof KeysideError)) throw error;
      failure = error;
    }
    const { reason = 'OK', message = '' } = failure ?? {};
    this.#calls.push({ startedMs, tookMs: performance.now() - startedMs, reason, sentence: message });
  }
}

/** `OK 12, KMS_TIMEOUT 3` */
export function countedReasons(calls: readonly VictimCall[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of calls) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${reason} ${count}`).join(', ');
}
