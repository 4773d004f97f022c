/** Thrown by `ByteReader` alone; the parser that uses it turns it into its own reason. */
export class ShortInput extends Error {
  override readonly name = 'ShortInput';
}

/** Reads the byte layouts of docs/format.md. Returns views, allocates nothing, and never reads past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws {ShortInput} here and in every other method, naming `what` */
  u8(what: string): number {
    return this.take(1, what)[0] as number;
  }

  u16(what: string): number {
    const pair = this.take(2, what);
    return ((pair[0] as number) << 8) | (pair[1] as number);
  }

  /** A view of the next `count` bytes. */
  take(count: number, what: string): Uint8Array {
    if (count > this.remaining) throw new ShortInput(`the input ends within its ${what}`);
    const view = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return view;
  }

  /** A view of LP(x)'s x. */
  lp(what: string): Uint8Array {
    return this.take(this.u16(what), what);
  }
}
