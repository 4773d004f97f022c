import { KeysideError } from '../core/errors.ts';

/** What every call counts for in bytes, however small its message: its headers, its objects, the piece of the connection it came in. */
export const CALL_BYTES = 64 * 1024;
/** So much of the memory is left to calls with small messages: an eighth. */
const LARGE_SHARE = 7 / 8;

export interface AdmissionLimits {
  readonly maxConcurrentCalls: number;
  /** Of one tenant: its slow KMS must not take the places of the others. */
  readonly maxConcurrentCallsPerTenant: number;
  /** Of one caller that is known by its token. */
  readonly maxConcurrentCallsPerCaller: number;
  /** Bytes of requests that arrive or are worked on and of replies that were not taken yet. */
  readonly maxBytesInFlight: number;
  /** Of one caller that is known by its token. */
  readonly maxBytesInFlightPerCaller: number;
}

/** What one caller has in flight, and may have. */
export interface Account {
  readonly limitCalls: number;
  readonly limitBytes: number;
  readonly refusals: Refusals;
  calls: number;
  bytes: number;
}

/** Made once: whoever must be refused thousands of times a second must be refused cheaply. */
interface Refusals {
  readonly calls: KeysideError;
  readonly bytes: KeysideError;
}

/**
 * Which calls are taken: none while draining, and no more at a time than configured, in all, for each tenant and for each caller; and
 * how much memory they may take together.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #byTenant = new Map<string, number>();
  readonly #byCaller = new Map<string, Account>();
  readonly #refusals: Refusals;
  /** Where only calls with small messages find room any more. */
  readonly #largeRefusals: Refusals;
  readonly #limitLargeBytes: number;
  #calls = 0;
  #bytes = 0;
  #isDraining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    const { maxConcurrentCalls: limitCalls, maxBytesInFlight: limitBytes } = limits;
    this.#limitLargeBytes = Math.floor(limitBytes * LARGE_SHARE);
    this.#refusals = refusalsOf('', { limitCalls, limitBytes });
    this.#largeRefusals = refusalsOf('', { limitCalls, limitBytes: this.#limitLargeBytes });
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Counted for the calls in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The account of a caller; `isKnown`: by a token of its own. Whoever else calls shares one that is bounded by the whole alone. */
  accountOf(callerId: string, isKnown: boolean): Account {
    let account = this.#byCaller.get(callerId);
    if (account === undefined) {
      const { maxConcurrentCallsPerCaller, maxBytesInFlightPerCaller } = this.#limits;
      const limits = isKnown
        ? { limitCalls: maxConcurrentCallsPerCaller, limitBytes: maxBytesInFlightPerCaller }
        : { limitCalls: Number.POSITIVE_INFINITY, limitBytes: Number.POSITIVE_INFINITY };
      const refusals = refusalsOf(` of caller ${callerId}`, { callerId, ...limits });
      account = { ...limits, refusals, calls: 0, bytes: 0 };
      this.#byCaller.set(callerId, account);
    }
    return account;
  }

  /**
   * Takes one call in, which counts for `CALL_BYTES`; `leave` ends it.
   * @throws {KeysideError} DRAINING, OVERLOADED
   */
  enter(account: Account): void {
    this.assertOpen();
    if (this.#calls >= this.#limits.maxConcurrentCalls) throw this.#refusals.calls;
    if (account.calls >= account.limitCalls) throw account.refusals.calls;
    if (this.#bytes + CALL_BYTES > this.#limits.maxBytesInFlight) throw this.#refusals.bytes;
    if (account.bytes + CALL_BYTES > account.limitBytes) throw account.refusals.bytes;
    this.#calls += 1;
    account.calls += 1;
    this.#take(account, CALL_BYTES);
  }

  /**
   * Takes more bytes for a call that entered; `leave` gives them back.
   * @throws {KeysideError} OVERLOADED; PAYLOAD_TOO_LARGE where there would not be room for them alone
   */
  takeBytes(account: Account, bytes: number): void {
    const limitBytes = Math.min(this.#limitLargeBytes, account.limitBytes);
    if (bytes + CALL_BYTES > limitBytes) {
      throw new KeysideError('PAYLOAD_TOO_LARGE', `the request takes ${bytes} bytes of memory, the limit is ${limitBytes}`, {
        details: { limitBytes },
      });
    }
    if (this.#bytes + bytes > this.#limitLargeBytes) throw this.#largeRefusals.bytes;
    if (account.bytes + bytes > account.limitBytes) throw account.refusals.bytes;
    this.#take(account, bytes);
  }

  /** @throws {KeysideError} DRAINING */
  assertOpen(): void {
    if (this.#isDraining) throw new KeysideError('DRAINING', 'the daemon is shutting down');
  }

  /**
   * Counts a call for its tenant; the result ends that, exactly once.
   * @throws {KeysideError} OVERLOADED where the tenant has as many as it may have
   */
  enterTenant(tenantId: string): () => void {
    const limitCalls = this.#limits.maxConcurrentCallsPerTenant;
    const calls = this.#byTenant.get(tenantId) ?? 0;
    if (calls >= limitCalls) {
      throw new KeysideError('OVERLOADED', `${calls} calls of tenant ${tenantId} are in flight, the limit is ${limitCalls}`, {
        details: { tenantId, limitCalls },
      });
    }
    this.#byTenant.set(tenantId, calls + 1);
    return () => {
      const left = (this.#byTenant.get(tenantId) ?? 1) - 1;
      if (left === 0) this.#byTenant.delete(tenantId);
      else this.#byTenant.set(tenantId, left);
    };
  }

  /** Ends a call that entered. `bytes`: all that it took, beside what every call counts for. */
  leave(account: Account, bytes: number): void {
    account.calls -= 1;
    this.#take(account, -(CALL_BYTES + bytes));
    this.#calls -= 1;
    if (this.#calls === 0) this.#idle?.resolve();
  }

  /** Refuses new calls from now on; resolves when the last running one has left. */
  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#calls === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  #take(account: Account, bytes: number): void {
    this.#bytes += bytes;
    account.bytes += bytes;
  }
}

function refusalsOf(ofWhom: string, limits: { callerId?: string; limitCalls: number; limitBytes: number }): Refusals {
  const { limitCalls, limitBytes, ...who } = limits;
  return {
    calls: new KeysideError('OVERLOADED', `${limitCalls} calls${ofWhom} are in flight, the limit is ${limitCalls}`, {
      details: { ...who, limitCalls },
    }),
    bytes: new KeysideError(
      'OVERLOADED',
      `the calls${ofWhom} in flight take all their memory, the limit is ${limitBytes} bytes`,
      {
        details: { ...who, limitBytes },
      },
    ),
  };
}
