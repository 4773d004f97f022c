import { Buffer } from 'node:buffer';

/** Builds the byte layouts of docs/format.md: big-endian integers, LP(x) = u16 length followed by x. Not for secrets: it works in Node's pool. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Precondition: an integer of 0 to 255, checked here because a count or share that wraps around would be a forgery. */
  u8(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new RangeError('a u8 is an integer of 0 to 255');
    const at = this.#claim(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError('a u16 is an integer of 0 to 65,535');
    const at = this.#claim(2);
    this.#buffer[at] = value >> 8;
    this.#buffer[at + 1] = value & 0xff;
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#claim(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** ASCII or UTF-8 text without a length. */
  text(value: string): this {
    const length = Buffer.byteLength(value);
    const at = this.#claim(length);
    if (length > 0) this.#buffer.write(value, at, length);
    return this;
  }

  /** LP(value). Precondition: at most 65,535 bytes, checked here because a wrapped length would be a forgery. */
  lp(value: Uint8Array | string): this {
    const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
    if (length > 0xffff) throw new RangeError('a length-prefixed value exceeds 65,535 bytes');
    this.u16(length);
    return typeof value === 'string' ? this.text(value) : this.bytes(value);
  }

  /** What was written, in the writer's own memory, which may be Node's pool: nothing may be written any more. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length) as Uint8Array<ArrayBuffer>;
  }

  /** A copy of what was written, on its own memory. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }

  /** Where `count` bytes may be written. Replaces the buffer where it is too small: take the place first, then the buffer. */
  #claim(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
