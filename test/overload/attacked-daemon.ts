import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey } from '../../src/kms/local/store.ts';
import { startLoadedDaemon } from '../faults/loaded-daemon.ts';
import { type Ended, RawClient } from '../integration/raw-client.ts';
import { CRYPTO, encryptRequest } from '../integration/requests.ts';

const MIB = 2 ** 20;
export const MAX_BYTES = 64 * MIB;
export const MAX_CALLS = 256;
/** What the attackers may have of it together: they have one token, and the honest callers another. */
const SHARE = 3 / 4;
export const ATTACKERS = { token: 'token-of-the-attackers', maxBytes: MAX_BYTES * SHARE, maxCalls: MAX_CALLS * SHARE };
const HONEST_TOKEN = 'token-of-the-honest';
export const DEADLINE_MS = 8_000;
/** V8 collects garbage when it must: what it may take is said to it, and no attack may need more. */
const MAX_OLD_SPACE_BYTES = 192 * MIB;
const SEMI_SPACE_BYTES = 16 * MIB;
const MAX_HEAP_BYTES = MAX_OLD_SPACE_BYTES + 3 * SEMI_SPACE_BYTES;
/** What the process may take beside that, what it took at the start and what is counted: sockets, freed memory that malloc keeps. */
const SLACK_BYTES = 64 * MIB;
const PATIENCE_MS = 20_000;

/** A daemon in a process of its own, with small limits, and what one can see of it from outside. */
export class AttackedDaemon {
  readonly tcp: string;
  readonly #pid: number;
  readonly #http: string;
  readonly #idleBytes: number;
  readonly #client: RawClient;
  readonly #stop: () => Promise<void>;

  private constructor(daemon: Awaited<ReturnType<typeof startLoadedDaemon>>, folder: string) {
    this.tcp = daemon.tcp;
    this.#pid = daemon.pid;
    this.#http = daemon.http;
    this.#client = new RawClient(daemon.tcp);
    this.#idleBytes = this.#kib('VmRSS');
    this.#stop = async () => {
      this.#client.close();
      await daemon.stop();
      rmSync(folder, { recursive: true });
    };
  }

  static async start(): Promise<AttackedDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-overload-'));
    await createKey(join(folder, 'acme.json'), { id: 'acme', now: new Date() });
    const key = '{ id: acme-key, provider: local, state: primary, local: { storeFile: acme.json } }';
    writeFileSync(join(folder, 'tenants.yaml'), `tenants:\n  acme: { keys: [${key}] }\n`);
    const limits = [
      `maxBytesInFlight: ${MAX_BYTES / MIB}MiB`,
      `maxBytesInFlightPerCaller: ${ATTACKERS.maxBytes / MIB}MiB`,
      `maxConcurrentCalls: ${MAX_CALLS}`,
      `maxConcurrentCallsPerTenant: ${MAX_CALLS}`,
      `maxConcurrentCallsPerCaller: ${ATTACKERS.maxCalls}`,
      `defaultDeadline: ${DEADLINE_MS}ms`,
    ];
    const callers = Object.entries({ honest: HONEST_TOKEN, attackers: ATTACKERS.token }).map(([id, token]) => {
      writeFileSync(join(folder, id), token, { mode: 0o600 });
      return `  - { id: ${id}, tokenFile: ${id}, tenants: ['*'], operations: ['*'] }\n`;
    });
    const configuration = `tenants: tenants.yaml\nlimits: { ${limits.join(', ')} }\ncallers:\n${callers.join('')}`;
    const daemon = await startLoadedDaemon(folder, configuration, {
      NODE_OPTIONS: `--max-old-space-size=${MAX_OLD_SPACE_BYTES / MIB} --max-semi-space-size=${SEMI_SPACE_BYTES / MIB}`,
    });
    const attacked = new AttackedDaemon(daemon, folder);
    await attacked.small();
    return attacked;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** An honest call on a connection of its own, with a small document; the reason it ended in. */
  async small(): Promise<Ended> {
    return this.#client.call({
      method: `${CRYPTO}/Encrypt`,
      request: encryptRequest({ fields: new Map([['a', Buffer.from('small')]]) }),
      token: HONEST_TOKEN,
      deadlineMs: 30_000,
    });
  }

  /** Forgets how much memory was resident before. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, '5');
  }

  /** How far the most memory that was resident exceeds what is allowed, in MiB; not positive: not. */
  excessMib(): number {
    return Math.round((this.#kib('VmHWM') - this.#idleBytes - MAX_BYTES - MAX_HEAP_BYTES - SLACK_BYTES) / MIB);
  }

  memoryMib(): string {
    const peak = this.#kib('VmHWM');
    return `${Math.round(peak / MIB)} MiB at most, ${Math.round(this.#idleBytes / MIB)} at the start`;
  }

  /** Waits until the daemon counts as many calls in flight; the last number that it had where it does not come to that. */
  async inFlight(expected: (calls: number) => boolean): Promise<number> {
    const givenUpMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const calls = await this.#gauge();
      if (expected(calls) || performance.now() > givenUpMs) return calls;
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async #gauge(): Promise<number> {
    const text = await (await fetch(`http://${this.#http}/metrics`)).text();
    const value = /^keyside_requests_in_flight(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1];
    return value === undefined ? 0 : Number(value);
  }

  #kib(name: string): number {
    const line = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'));
    return Number(line?.[1]) * 1_024;
  }
}
