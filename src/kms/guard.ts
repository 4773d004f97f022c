import { randomFillSync } from 'node:crypto';
import type { WrapContext } from '../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import { DATA_KEY_BYTES, type ProviderName } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import type { KmsCallMeasure, Metrics, Outcome } from '../telemetry/telemetry.ts';
import { Breaker, type BreakerLimits } from './breaker.ts';
import { Bulkhead, type BulkheadLimits } from './bulkhead.ts';
import { Deadline, endOf } from './deadline.ts';
import type { GuardedKey, KmsCallScope } from './guarded-key.ts';
import type { GeneratedDataKey, KeyDescription, KmsKey, UnwrapRequest, Wrapped, WrapRequest } from './kms.ts';
import { checkGenerated, checkUnwrapped, checkWrapped } from './reply-checks.ts';
import { type RetryLimits, retryWeather } from './retry.ts';
import type { Timer } from './timer.ts';

export interface GuardLimits extends BulkheadLimits, RetryLimits, BreakerLimits {
  /** A whole operation: waiting for a place, every attempt and every pause. */
  readonly operationMs: number;
  readonly attemptMs: number;
}

export const DEFAULT_GUARD_LIMITS: GuardLimits = {
  maxConcurrent: 32,
  maxQueued: 256,
  maxAttempts: 3,
  firstPauseMs: 100,
  maxPauseMs: 2_000,
  operationMs: 10_000,
  attemptMs: 3_000,
  failuresToOpen: 5,
  openMs: 5_000,
};

export interface GuardTools {
  readonly timer: Timer;
  readonly metrics: Metrics;
  /** 0 (inclusive) to 1 (exclusive); spreads retries, nothing secret. */
  readonly random: () => number;
}

/** A key to guard, and what to call it in messages, spans and metrics. */
export interface GuardSubject {
  readonly id: string;
  readonly provider: ProviderName;
  readonly key: KmsKey;
}

/** One call of the provider: what to do, what to demand of its reply, and how to let go of a reply that came too late. */
interface Operation<Reply> {
  readonly name: KmsCallMeasure['operation'];
  readonly tenantId?: string;
  readonly keyVersion?: string;
  call(signal: AbortSignal): Promise<Reply>;
  check(reply: Reply): void;
  discard(reply: Reply): void;
}

interface Attempt {
  readonly number: number;
  readonly deadline: Deadline;
  readonly scope: KmsCallScope;
}

const nothing = (): void => undefined;

/** Stands between the daemon and one key of any provider; distrusts it. */
export class Guard implements GuardedKey {
  readonly #subject: GuardSubject;
  readonly #tools: GuardTools;
  readonly #limits: GuardLimits;
  readonly #bulkhead: Bulkhead;
  readonly #breaker: Breaker;
  #running = 0;
  #isRetired = false;
  #closing: Promise<void> | undefined;

  constructor(subject: GuardSubject, tools: GuardTools, limits: GuardLimits = DEFAULT_GUARD_LIMITS) {
    this.#subject = subject;
    this.#tools = tools;
    this.#limits = limits;
    this.#bulkhead = new Bulkhead(`key ${subject.id}`, limits);
    this.#breaker = new Breaker(limits, { ...tools, name: `the KMS of key ${subject.id}` });
  }

  get provenByWrap(): boolean {
    return this.#subject.key.provenByWrap;
  }

  accepts(wrapped: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return this.#subject.key.accepts(wrapped);
  }

  async wrap(request: WrapRequest, scope: KmsCallScope): Promise<Wrapped> {
    const operation: Operation<Wrapped> = {
      name: 'wrap',
      tenantId: request.context.tenantId,
      call: (signal) => this.#subject.key.wrap(request, signal),
      check: (wrapped) => checkWrapped(wrapped, this.#subject),
      discard: nothing,
    };
    return this.#run(operation, scope);
  }

  async unwrap(request: UnwrapRequest, scope: KmsCallScope): Promise<SecretBytes> {
    if (!this.accepts(request.wrapped)) throw ciphertextRejected('the configuration does not accept the stored key version');
    const operation: Operation<SecretBytes> = {
      name: 'unwrap',
      tenantId: request.context.tenantId,
      keyVersion: request.wrapped.keyVersion,
      call: (signal) => this.#subject.key.unwrap(request, signal),
      check: checkUnwrapped,
      discard: (dataKey) => dataKey.wipe(),
    };
    return this.#run(operation, scope);
  }

  async generate(context: WrapContext, scope: KmsCallScope): Promise<GeneratedDataKey> {
    const { key } = this.#subject;
    const generate = key.generate?.bind(key);
    if (generate === undefined) return this.#generateHere(context, scope);
    const operation: Operation<GeneratedDataKey> = {
      name: 'generate',
      tenantId: context.tenantId,
      call: (signal) => generate(context, signal),
      check: (generated) => checkGenerated(generated, this.#subject),
      discard: ({ dataKey }) => dataKey.wipe(),
    };
    return this.#run(operation, scope);
  }

  async describe(scope: KmsCallScope): Promise<KeyDescription> {
    const call = (signal: AbortSignal): Promise<KeyDescription> => this.#subject.key.describe(signal);
    return this.#run({ name: 'describe', call, check: nothing, discard: nothing }, scope);
  }

  /** Lets calls under way end, takes no new ones (KMS_UNAVAILABLE), and closes the key after the last. */
  retire(): void {
    this.#isRetired = true;
    if (this.#running === 0) void this.close();
  }

  /** Closes the key now; calls under way end with KMS_UNAVAILABLE. Never throws: whatever hinders closing, the key is let go. */
  async close(): Promise<void> {
    this.#isRetired = true;
    this.#closing ??= this.#subject.key.close().catch(nothing);
    await this.#closing;
  }

  async #generateHere(context: WrapContext, scope: KmsCallScope): Promise<GeneratedDataKey> {
    const dataKey = SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
    try {
      return { dataKey, wrapped: await this.wrap({ dataKey, context }, scope) };
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  /** A place is held through all attempts and pauses: a KMS that throttles is asked less, not more. */
  async #run<Reply>(operation: Operation<Reply>, scope: KmsCallScope): Promise<Reply> {
    const { id, provider } = this.#subject;
    if (this.#isRetired) throw new KeysideError('KMS_UNAVAILABLE', `key ${id}: its configuration was replaced or closed`);
    const { timer, metrics, random } = this.#tools;
    const { operationMs: limitMs, ...limits } = this.#limits;
    const timeoutMessage = `key ${id}: ${provider} gave no answer within ${limitMs} ms`;
    this.#running += 1;
    try {
      using deadline = new Deadline({ parent: scope.signal, limitMs, timer, timeoutMessage });
      const attempt = (number: number): Promise<Reply> =>
        this.#breaker.run(() => this.#attempt(operation, { number, deadline, scope }));
      const onRetry = (reason: KeysideError['reason']): void => metrics.kmsCallRetried(provider, reason);
      const attempts = (): Promise<Reply> => retryWeather(attempt, { limits, deadline, random, onRetry });
      return await this.#bulkhead.run(attempts, { signal: deadline.signal, lane: operation.tenantId ?? '' });
    } finally {
      this.#running -= 1;
      if (this.#isRetired && this.#running === 0) void this.close();
    }
  }

  /** One call, inside the retries and the breaker: each attempt counts and is counted. */
  async #attempt<Reply>(operation: Operation<Reply>, { number, deadline, scope }: Attempt): Promise<Reply> {
    const { id, provider } = this.#subject;
    const { timer, metrics } = this.#tools;
    const limitMs = Math.min(this.#limits.attemptMs, deadline.leftMs);
    const startedMs = timer.nowMs();
    const span = scope.span.child(SPANS.kmsCall.name, this.#attributes(operation, number));
    const ended = (outcome: Outcome): void =>
      metrics.kmsCallEnded({
        provider,
        operation: operation.name,
        outcome,
        tenantId: operation.tenantId,
        durationMs: timer.nowMs() - startedMs,
      });
    const timeoutMessage = `key ${id}: ${provider} did not answer within ${Math.round(limitMs)} ms`;
    using limit = new Deadline({ parent: deadline.signal, limitMs, timer, timeoutMessage });
    try {
      const reply = await limit.race((signal) => operation.call(signal), operation.discard);
      operation.check(reply);
      span.end();
      ended('OK');
      return reply;
    } catch (cause) {
      const error = asKeysideError(cause, { id, signal: limit.signal });
      span.end(error);
      ended(error.reason);
      throw error;
    }
  }

  #attributes<Reply>(operation: Operation<Reply>, attempt: number): Record<string, string | number> {
    const { tenantId, keyVersion } = operation;
    return {
      [ATTRIBUTES.provider.name]: this.#subject.provider,
      [ATTRIBUTES.keyId.name]: this.#subject.id,
      [ATTRIBUTES.operation.name]: operation.name,
      [ATTRIBUTES.attempt.name]: attempt,
      ...(tenantId === undefined ? {} : { [ATTRIBUTES.tenant.name]: tenantId }),
      ...(keyVersion === undefined ? {} : { [ATTRIBUTES.keyVersion.name]: keyVersion }),
    };
  }
}

/** A provider owes a `KeysideError`; anything else is a fault of ours. Where the time was up, that is the reason, whatever was thrown. */
function asKeysideError(cause: unknown, { id, signal }: { readonly id: string; readonly signal: AbortSignal }): KeysideError {
  if (signal.aborted) return endOf(signal);
  if (cause instanceof KeysideError) return cause;
  return new KeysideError('INTERNAL', `key ${id}: its provider failed in a way that it does not account for`, { cause });
}
