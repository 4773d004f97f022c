import { type ErrorReason, isWeather, KeysideError } from '../core/errors.ts';
import type { Deadline } from './deadline.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface RetryLimits {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** The longest pause before the first retry; it doubles with each further one. */
  readonly firstPauseMs: number;
  /** The longest pause of all, unless the KMS asks for more. */
  readonly maxPauseMs: number;
}

interface RetryTools {
  readonly limits: RetryLimits;
  /** The operation's whole time; pauses count towards it. */
  readonly deadline: Deadline;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly onRetry: (reason: ErrorReason) => void;
  readonly budget: RetryBudget;
}

/**
 * Attempts again after weather, and after nothing else: what a customer or an operator refused is not asked twice. Ends with the
 * last attempt's error where the attempts or the budget are used up or the pause would outlast the deadline: waiting for a certain
 * failure helps nobody.
 */
export async function retryWeather<T>(attempt: () => Promise<T>, tools: RetryTools): Promise<T> {
  const { limits, deadline, random, onRetry, budget } = tools;
  for (let number = 1; ; number += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KeysideError) || !isWeather(error) || deadline.signal.aborted || number >= limits.maxAttempts)
        throw error;
      const pauseMs = pauseBeforeRetry(error, { retries: number - 1, limits, random });
      if (pauseMs >= deadline.leftMs || !budget.take()) throw error;
      onRetry(error.reason);
      await deadline.pause(pauseMs);
    }
  }
}

interface PauseInput {
  /** Retries made already. */
  readonly retries: number;
  readonly limits: RetryLimits;
  readonly random: () => number;
}

/**
 * Full jitter (any time up to a limit that doubles), so that daemons which failed together do not come back together. A time that
 * the KMS itself asked for is kept, and the jitter comes on top.
 */
function pauseBeforeRetry(error: KeysideError, input: PauseInput): number {
  const { retries, limits, random } = input;
  const jitterMs = random() * Math.min(limits.maxPauseMs, limits.firstPauseMs * 2 ** retries);
  return (error.requestedRetryAfterMs ?? 0) + jitterMs;
}
