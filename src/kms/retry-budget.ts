/** Most retries in a row that a quiet key has in hand. */
const MAX_TOKENS = 10;
/** What each call adds: in the long run at most one call in five is asked twice. */
const TOKENS_PER_CALL = 0.2;

/**
 * How often a key's KMS may be asked again: retries and hedges take from it, calls fill it. A KMS in trouble gets at most a fifth more
 * calls than its callers make, where attempts alone would give it three times as many.
 */
export class RetryBudget {
  #tokens = MAX_TOKENS;

  noteCall(): void {
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + TOKENS_PER_CALL);
  }

  /** Takes what one further attempt costs; false where there is not enough left. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
