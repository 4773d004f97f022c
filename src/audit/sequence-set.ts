const PAGE_BITS = 65_536;
const WORD_BITS = 32;

/** Numbers 1, 2, 3, …: a bit for each, and next to nothing for stretches that are complete. */
export class SequenceSet {
  /** `undefined` is a page that is complete. */
  readonly #pages = new Map<number, { readonly words: Uint32Array; count: number } | undefined>();
  #largest = 0;

  get largest(): number {
    return this.#largest;
  }

  /** False where the number was there already. */
  add(value: number): boolean {
    const [key, bit] = [Math.floor((value - 1) / PAGE_BITS), (value - 1) % PAGE_BITS];
    if (!this.#pages.has(key)) this.#pages.set(key, { words: new Uint32Array(PAGE_BITS / WORD_BITS), count: 0 });
    const page = this.#pages.get(key);
    if (page === undefined) return false;
    const [word, mask] = [bit >>> 5, 1 << (bit & 31)];
    const bits = page.words[word] as number;
    if ((bits & mask) !== 0) return false;
    page.words[word] = bits | mask;
    page.count += 1;
    if (page.count === PAGE_BITS) this.#pages.set(key, undefined);
    this.#largest = Math.max(this.#largest, value);
    return true;
  }

  has(value: number): boolean {
    const key = Math.floor((value - 1) / PAGE_BITS);
    if (!this.#pages.has(key)) return false;
    const page = this.#pages.get(key);
    const bit = (value - 1) % PAGE_BITS;
    return page === undefined || ((page.words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  /** The smallest number from `from` on that is missing below the largest; undefined where none is. */
  firstMissing(from: number): number | undefined {
    for (let value = from; value < this.#largest; value += 1) {
      const key = Math.floor((value - 1) / PAGE_BITS);
      if (this.#pages.has(key) && this.#pages.get(key) === undefined) value = (key + 1) * PAGE_BITS;
      else if (!this.has(value)) return value;
    }
    return undefined;
  }
}
