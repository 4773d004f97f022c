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
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw endsWithin(what);
    this.#at += 1;
    return byte;
  }

  u16(what: string): number {
    const low = this.#bytes[this.#at + 1];
    if (low === undefined) throw endsWithin(what);
    const high = this.#bytes[this.#at] as number;
    this.#at += 2;
    return (high << 8) | low;
  }

  /** A view of the next `count` bytes. */
  take(count: number, what: string): Uint8Array {
    if (count > this.remaining) throw endsWithin(what);
    const view = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return view;
  }

  /** A view of LP(x)'s x. */
  lp(what: string): Uint8Array {
    return this.take(this.u16(what), what);
  }
}

function endsWithin(what: string): ShortInput {
  return new ShortInput(`the input ends within its ${what}`);
}
