import type { WrapContext } from '../core/encryption-context.ts';
import { isWeather, KeysideError } from '../core/errors.ts';
import { inTurn } from '../core/in-turn.ts';
import type { ProviderName } from '../core/providers.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import type { KmsCallMeasure, Metrics, Outcome } from '../telemetry/telemetry.ts';
import { Breaker, type BreakerLimits } from './breaker.ts';
import { Bulkhead, type BulkheadLimits } from './bulkhead.ts';
import { Deadline, endOf } from './deadline.ts';
import type { KmsCallScope } from './guarded-key.ts';
import { HedgeDelay } from './hedge-delay.ts';
import type { KmsWatch } from './kms-watch.ts';
import { LinkedSignal } from './linked-signal.ts';
import { type RetryLimits, retryWeather } from './retry.ts';
import { RetryBudget } from './retry-budget.ts';
import type { SharedQuota } from './shared-quota.ts';
import type { Timer } from './timer.ts';
import { watched } from './watched.ts';

export interface RunnerLimits extends BulkheadLimits, RetryLimits, BreakerLimits {
  /** A whole operation: waiting for a place, every attempt and every pause. */
  readonly operationMs: number;
  readonly attemptMs: number;
}

export interface RunnerTools {
  readonly timer: Timer;
  readonly metrics: Metrics;
  /** 0 (inclusive) to 1 (exclusive); spreads retries, nothing secret. */
  readonly random: () => number;
  /** Told of every use of the key; absent: nobody is. */
  readonly watch?: KmsWatch | undefined;
}

/** One call of the provider: what to do, what to demand of its reply, and how to let go of a reply that came too late. */
export interface Operation<Reply> {
  readonly name: KmsCallMeasure['operation'];
  /** Whose key is used; absent where it is not used but asked about. */
  readonly context?: WrapContext;
  /** Where the request names it. */
  readonly keyVersion?: string;
  /** Whether a second call may be made where the first one is slow. Default no. */
  readonly isHedged?: boolean;
  call(signal: AbortSignal): Promise<Reply>;
  check(reply: Reply): void;
  /** Where the reply names it. */
  keyVersionOf?(reply: Reply): string;
  discard(reply: Reply): void;
}

interface RunnerSubject {
  readonly id: string;
  readonly provider: ProviderName;
  readonly quota?: SharedQuota | undefined;
}

/** One operation on its way through its attempts. */
interface Run<Reply> {
  readonly operation: Operation<Reply>;
  readonly deadline: Deadline;
  readonly scope: KmsCallScope;
  /** Attempts made so far, hedges included. */
  attempts: number;
}

/** After a key's KMS throttled, for so long nothing is asked twice for the sake of speed. */
const NO_HEDGES_MS = 10_000;

/**
 * Makes one key's calls: a place under the key's cap, then attempts, each with the breaker's leave and a place under the quota that the
 * key shares, and a time limit over all of it.
 */
export class OperationRunner {
  readonly #subject: RunnerSubject;
  readonly #tools: RunnerTools;
  readonly #limits: RunnerLimits;
  readonly #bulkhead: Bulkhead;
  readonly #breaker: Breaker;
  readonly #budget = new RetryBudget();
  readonly #hedgeDelay = new HedgeDelay();
  #throttledAtMs = Number.NEGATIVE_INFINITY;

  constructor(subject: RunnerSubject, tools: RunnerTools, limits: RunnerLimits) {
    this.#subject = subject;
    this.#tools = tools;
    this.#limits = limits;
    this.#bulkhead = new Bulkhead(`key ${subject.id}`, limits);
    this.#breaker = new Breaker(limits, { ...tools, name: `the KMS of key ${subject.id}` });
  }

  get isBreakerOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /** Runs an operation under the eyes of the watch, where there is one. */
  async run<Reply>(operation: Operation<Reply>, scope: KmsCallScope): Promise<Reply> {
    const { watch, timer } = this.#tools;
    const { name, context } = operation;
    if (watch === undefined || name === 'describe' || context === undefined) return await this.#run(operation, scope);
    const { tenantId, configurationId } = context;
    const { provider } = this.#subject;
    const isRefresh = scope.isRefresh === true;
    return await watched(watch, {
      facts: { tenantId, configurationId, provider, operation: name, isRefresh, traceId: scope.span.traceId },
      timer,
      run: () => this.#run(operation, scope),
      keyVersionOf: (reply) => operation.keyVersion ?? (reply === undefined ? undefined : operation.keyVersionOf?.(reply)) ?? '',
      discard: operation.discard,
    });
  }

  /** A place is held through all attempts and pauses: a KMS that throttles is asked less, not more. */
  async #run<Reply>(operation: Operation<Reply>, scope: KmsCallScope): Promise<Reply> {
    const { provider } = this.#subject;
    const { timer, metrics, random } = this.#tools;
    const { operationMs: limitMs, ...limits } = this.#limits;
    using deadline = new Deadline({ parent: scope.signal, limitMs, timer, timeoutMessage: this.#timeoutMessage });
    const run: Run<Reply> = { operation, deadline, scope, attempts: 0 };
    const onRetry = (reason: KeysideError['reason']): void => metrics.kmsCallRetried(provider, reason);
    const attempts = (): Promise<Reply> => {
      this.#budget.noteCall();
      return retryWeather(() => this.#hedged(run), { limits, deadline, random, onRetry, budget: this.#budget });
    };
    return await this.#bulkhead.run(attempts, { signal: deadline.signal, lane: operation.context?.tenantId ?? '' });
  }

  get #timeoutMessage(): string {
    const { id, provider } = this.#subject;
    return `key ${id}: ${provider} gave no answer within ${this.#limits.operationMs} ms`;
  }

  /** One attempt, and a second one beside it where the first is unusually slow. The first answer counts, and a refusal is an answer. */
  async #hedged<Reply>(run: Run<Reply>): Promise<Reply> {
    const { operation, deadline } = run;
    const patienceMs = operation.isHedged === true ? this.#hedgeDelay.ms : undefined;
    if (patienceMs === undefined) return this.#admitted(run, deadline.signal);
    const decided = new AbortController();
    using linked = new LinkedSignal(deadline.signal, decided.signal);
    try {
      return await inTurn<Reply>({
        next: (cause) => {
          // A failure is followed by a retry and its pause, not by a hedge.
          if (cause === 'failure' || (cause === 'patience' && !this.#mayHedge(run))) return undefined;
          return this.#admitted(run, linked.signal);
        },
        movesOn: isWeather,
        worse: (_, later) => later,
        patienceMs,
        after: (ms, callback) => this.#tools.timer.after(ms, callback),
        discard: operation.discard,
      });
    } finally {
      decided.abort(new KeysideError('CANCELLED', 'a second call of the same was answered first'));
    }
  }

  #mayHedge<Reply>({ attempts, deadline }: Run<Reply>): boolean {
    if (deadline.signal.aborted || attempts >= this.#limits.maxAttempts) return false;
    if (this.#tools.timer.nowMs() - this.#throttledAtMs < NO_HEDGES_MS || !this.#budget.take()) return false;
    this.#tools.metrics.kmsCallHedged(this.#subject.provider);
    return true;
  }

  /** With the breaker's leave, and in turn with the others that share the service's quota. */
  async #admitted<Reply>(run: Run<Reply>, signal: AbortSignal): Promise<Reply> {
    const attempt = async (): Promise<Reply> => {
      // A loop that was held up may come here late: what was not asked says nothing about the KMS.
      if (run.deadline.leftMs <= 0) throw new KeysideError('KMS_TIMEOUT', this.#timeoutMessage);
      return this.#breaker.run(() => this.#attempt(run, signal));
    };
    const { quota } = this.#subject;
    if (quota === undefined) return await attempt();
    this.#breaker.assertAsks();
    return await quota.run(attempt, { signal, lane: run.operation.context?.tenantId ?? '' });
  }

  /** One call, inside the retries and the breaker: each attempt counts and is counted. */
  async #attempt<Reply>(run: Run<Reply>, signal: AbortSignal): Promise<Reply> {
    const { operation, deadline, scope } = run;
    const { id, provider } = this.#subject;
    const { timer, metrics } = this.#tools;
    run.attempts += 1;
    const limitMs = Math.min(this.#limits.attemptMs, deadline.leftMs);
    const startedMs = timer.nowMs();
    const span = scope.span.child(SPANS.kmsCall.name, this.#attributes(run));
    const ended = (outcome: Outcome): void => {
      const durationMs = timer.nowMs() - startedMs;
      if (outcome === 'OK' && operation.isHedged === true) this.#hedgeDelay.noteAnswer(durationMs);
      if (outcome === 'KMS_THROTTLED') this.#throttledAtMs = timer.nowMs();
      metrics.kmsCallEnded({ provider, operation: operation.name, outcome, tenantId: operation.context?.tenantId, durationMs });
    };
    const timeoutMessage = `key ${id}: ${provider} did not answer within ${Math.round(limitMs)} ms`;
    using limit = new Deadline({ parent: signal, limitMs, timer, timeoutMessage });
    try {
      const reply = await limit.race((aborted) => operation.call(aborted), operation.discard);
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

  #attributes<Reply>({ operation, attempts }: Run<Reply>): Record<string, string | number> {
    const { context, keyVersion } = operation;
    return {
      [ATTRIBUTES.provider.name]: this.#subject.provider,
      [ATTRIBUTES.keyId.name]: this.#subject.id,
      [ATTRIBUTES.operation.name]: operation.name,
      [ATTRIBUTES.attempt.name]: attempts,
      ...(context === undefined ? {} : { [ATTRIBUTES.tenant.name]: context.tenantId }),
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
