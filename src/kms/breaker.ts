import { isWeather, KeysideError } from '../core/errors.ts';
import type { Timer } from './timer.ts';

export interface BreakerLimits {
  /** Failures for weather, one after the other with no answer between them, that open the breaker. */
  readonly failuresToOpen: number;
  /** How long it stays open before one call is let through to see. */
  readonly openMs: number;
}

interface BreakerTools {
  readonly timer: Timer;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Whose breaker it is, e.g. `the KMS of key acme-prod`. */
  readonly name: string;
}

/**
 * Spares callers and an unreachable KMS each other: after failures in a row, calls end at once, but for one at a time that looks
 * whether the KMS is back. Only weather counts. Whatever the KMS answers, a refusal too, shows that it is there.
 */
export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #tools: BreakerTools;
  #failures = 0;
  /** Undefined while closed. */
  #openUntilMs: number | undefined;
  #isProbing = false;

  constructor(limits: BreakerLimits, tools: BreakerTools) {
    this.#limits = limits;
    this.#tools = tools;
  }

  get isOpen(): boolean {
    return this.#openUntilMs !== undefined;
  }

  /**
   * Takes no part in looking whether the KMS is back: for those who would otherwise wait only to be turned away.
   * @throws {KeysideError} as `run` does, where the breaker is open
   */
  assertAsks(): void {
    if (this.#openUntilMs === undefined) return;
    const leftMs = this.#openUntilMs - this.#tools.timer.nowMs();
    if (leftMs > 0 || this.#isProbing) throw this.#refusal(leftMs);
  }

  /**
   * Runs `attempt`, unless the breaker is open.
   * @throws {KeysideError} KMS_UNAVAILABLE with the time until the next look, where it is open; else what the attempt throws
   */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const isProbe = this.#admit();
    try {
      const result = await attempt();
      this.#close();
      return result;
    } catch (error) {
      this.#learn(error);
      throw error;
    } finally {
      if (isProbe) this.#isProbing = false;
    }
  }

  #admit(): boolean {
    if (this.#openUntilMs === undefined) return false;
    const leftMs = this.#openUntilMs - this.#tools.timer.nowMs();
    if (leftMs <= 0 && !this.#isProbing) {
      this.#isProbing = true;
      return true;
    }
    throw this.#refusal(leftMs);
  }

  #refusal(leftMs: number): KeysideError {
    return new KeysideError('KMS_UNAVAILABLE', `${this.#tools.name} did not answer of late and is not asked for a moment`, {
      retryAfterMs: Math.max(1, Math.ceil(leftMs)),
    });
  }

  #learn(error: unknown): void {
    // A caller who left says nothing about the KMS.
    if (error instanceof KeysideError && (error.reason === 'CANCELLED' || error.reason === 'DEADLINE_EXCEEDED')) return;
    // A KMS that throttles is there, and opening would only make all callers wait for its slowest moment.
    if (!isWeather(error) || (error instanceof KeysideError && error.reason === 'KMS_THROTTLED')) {
      this.#close();
      return;
    }
    this.#failures += 1;
    if (this.#failures < this.#limits.failuresToOpen) return;
    // Jitter, so that daemons which failed together do not look together.
    const openMs = this.#limits.openMs * (0.5 + this.#tools.random() / 2);
    this.#openUntilMs = this.#tools.timer.nowMs() + openMs;
  }

  #close(): void {
    this.#failures = 0;
    this.#openUntilMs = undefined;
  }
}
