/** Answers that are looked back upon. */
const WINDOW = 64;
/** Fewer answers than this say nothing about what is slow. */
const MIN_ANSWERS = 16;
const PERCENTILE = 0.95;
/** Sooner than this nothing is slow. */
const MIN_DELAY_MS = 50;

/** When an answer is late, judged by the last answers of the same key: twice the time within which 95 of 100 came. */
export class HedgeDelay {
  readonly #durationsMs: number[] = [];
  #next = 0;

  noteAnswer(durationMs: number): void {
    this.#durationsMs[this.#next] = durationMs;
    this.#next = (this.#next + 1) % WINDOW;
  }

  /** In milliseconds; undefined while too little is known. */
  get ms(): number | undefined {
    const { length } = this.#durationsMs;
    if (length < MIN_ANSWERS) return undefined;
    const usual = this.#durationsMs.toSorted((a, b) => a - b)[Math.ceil(length * PERCENTILE) - 1] as number;
    return Math.max(MIN_DELAY_MS, 2 * usual);
  }
}
