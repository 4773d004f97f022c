/** Things to try for one result, the next one also where the one before it takes long. */
export interface InTurn<T> {
  /**
   * Starts the next candidate, because the one before it failed or because no result came within `patienceMs`. Undefined where there
   * is none (for this cause); the first call, cause `start`, gives one.
   */
  next(cause: 'start' | 'failure' | 'patience'): Promise<T> | undefined;
  /** Whether a failure leaves it to the other candidates. Any other failure ends the whole at once. */
  movesOn(error: unknown): boolean;
  /** Which of two failures tells more, where every candidate failed. */
  worse(a: unknown, b: unknown): unknown;
  readonly patienceMs: number;
  /** Calls back once, `ms` from now, unless the returned function is called first. */
  after(ms: number, callback: () => void): () => void;
  /** Lets go of a result that came after another one had won. */
  discard(late: T): void;
}

/**
 * The first result. A failure that does not move on is final even where other candidates are still at work: what refuses is not
 * outvoted. Candidates are left running; whoever starts them ends them.
 */
export function inTurn<T>(turns: InTurn<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let isDecided = false;
  let running = 0;
  let failure: { readonly error: unknown } | undefined;
  let stopWaiting = (): void => undefined;

  const decide = (settle: () => void): void => {
    isDecided = true;
    stopWaiting();
    settle();
  };
  const start = (cause: 'start' | 'failure' | 'patience'): void => {
    stopWaiting();
    const candidate = turns.next(cause);
    if (candidate === undefined) {
      if (running === 0) decide(() => reject(failure?.error));
      return;
    }
    running += 1;
    stopWaiting = turns.after(turns.patienceMs, () => start('patience'));
    candidate.then(won, lost);
  };
  const won = (value: T): void => {
    running -= 1;
    if (isDecided) turns.discard(value);
    else decide(() => resolve(value));
  };
  const lost = (error: unknown): void => {
    running -= 1;
    if (isDecided) return;
    failure = { error: failure === undefined ? error : turns.worse(failure.error, error) };
    if (turns.movesOn(error)) start('failure');
    else decide(() => reject(error));
  };
  start('start');
  return promise;
}
