import { Buffer } from 'node:buffer';
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** Kept between messages: enough for a batch of 100 small documents and for a piece of a stream. Only what is written takes memory. */
const KEPT_BYTES = 512 * 1024;
/** A varint of 32 bits at its longest. */
const MAX_VARINT_BYTES = 5;
/** Where lent bytes begin: after a tag of one byte and a length. */
const LENT_AT = 1 + MAX_VARINT_BYTES;
/** Texts up to this length, in UTF-16 units, are tried as ASCII: faster than two calls into native code. Its length is one byte. */
const SHORT_TEXT = 32;

/**
 * Writes one message after the other into one buffer, and gives each out as a view of it. What it writes is what `BinaryWriter` writes.
 *
 * The view holds until control returns to the event loop or the next message begins, whichever is first: the buffer is then zeroed, for
 * it may hold plaintext, and a buffer that grew for a large message is let go.
 */
export class ScratchWriter {
  readonly #writer = new Sink();
  #isWiping = false;

  /**
   * The message's bytes, a view.
   * @throws what `write` throws; nothing of its message is kept
   */
  write(write: (writer: BinaryWriter) => unknown): Buffer {
    this.#wipeLater();
    this.#writer.begin();
    write(this.#writer);
    return this.#writer.finish();
  }

  /**
   * `size` bytes, a little less than 512 KiB at most, for the one field of bytes that the next message consists of: what is written
   * there is where it is sent from. The view holds as those of `write` do; a message with one that no longer holds is refused.
   */
  room(size: number): Buffer {
    this.#wipeLater();
    return this.#writer.lend(size);
  }

  #wipeLater(): void {
    if (this.#isWiping) return;
    this.#isWiping = true;
    queueMicrotask(this.#wipe);
  }

  readonly #wipe = (): void => {
    this.#isWiping = false;
    this.#writer.wipe();
  };
}

/**
 * Overrides all of the base that writes, since the base's own buffer is private to it: the kinds of numbers that no message of the API
 * has are refused.
 */
class Sink extends BinaryWriter {
  readonly #kept = Buffer.alloc(KEPT_BYTES);
  #bytes = this.#kept;
  /** Where the message begins: at 0, or so that lent bytes follow what stands before them. */
  #start = 0;
  #at = 0;
  #lent: Uint8Array | undefined;
  /** The furthest byte that was written since the buffer was zeroed. */
  #dirty = 0;
  readonly #forks: number[] = [];

  begin(): void {
    this.#markDirty();
    this.#start = this.#lent === undefined ? 0 : LENT_AT - 1 - varintBytes(this.#lent.length);
    this.#at = this.#start;
    this.#forks.length = 0;
  }

  lend(size: number): Buffer {
    const end = LENT_AT + size;
    if (end > KEPT_BYTES) throw new RangeError('more room than is kept');
    this.wipe();
    this.#dirty = end;
    const lent = this.#kept.subarray(LENT_AT, end);
    this.#lent = lent;
    return lent;
  }

  override finish(): Buffer<ArrayBuffer> {
    this.#lent = undefined;
    return this.#bytes.subarray(this.#start, this.#at);
  }

  wipe(): void {
    this.#lent = undefined;
    this.begin();
    this.#bytes.fill(0, 0, this.#dirty);
    this.#dirty = 0;
    this.#bytes = this.#kept;
  }

  override uint32(value: number): this {
    this.#reserve(MAX_VARINT_BYTES);
    this.#varint(value);
    return this;
  }

  /** A message within: one byte is left for its length, which most need no more than. */
  override fork(): this {
    this.#reserve(1);
    this.#forks.push(this.#at);
    this.#at += 1;
    return this;
  }

  override join(): this {
    const start = this.#forks.pop();
    if (start === undefined) throw new Error('a message within was ended that was not begun');
    const length = this.#at - start - 1;
    const width = varintBytes(length);
    if (width > 1) {
      this.#reserve(width);
      this.#bytes.copyWithin(start + width, start + 1, this.#at);
    }
    this.#at = start;
    this.#varint(length);
    this.#at += length;
    return this;
  }

  override raw(chunk: Uint8Array): this {
    this.#reserve(chunk.length);
    this.#bytes.set(chunk, this.#at);
    this.#at += chunk.length;
    return this;
  }

  override bytes(value: Uint8Array): this {
    if (value.buffer === this.#kept.buffer) return this.#lentBytes(value);
    this.#reserve(MAX_VARINT_BYTES + value.length);
    this.#varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** They stand where they belong, if nothing but their tag and length is before them. */
  #lentBytes(value: Uint8Array): this {
    if (value !== this.#lent || this.#at !== this.#start + 1) throw new Error('lent bytes are not those of this message');
    this.#varint(value.length);
    this.#at += value.length;
    return this;
  }

  override string(value: string): this {
    if (value.length <= SHORT_TEXT && this.#shortAscii(value)) return this;
    const length = Buffer.byteLength(value);
    this.#reserve(MAX_VARINT_BYTES + length);
    this.#varint(length);
    this.#at += this.#bytes.write(value, this.#at, length);
    return this;
  }

  override bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  /** Rare numbers, as the base writes them; they are no secrets, and may lie in memory of its own. */
  override int32(value: number): this {
    return this.raw(new BinaryWriter().int32(value).finish());
  }

  override int64(value: string | number | bigint): this {
    return this.raw(new BinaryWriter().int64(value).finish());
  }

  override uint64(value: string | number | bigint): this {
    return this.raw(new BinaryWriter().uint64(value).finish());
  }

  override sint32(): never {
    throw notWritten();
  }

  override sint64(): never {
    throw notWritten();
  }

  override fixed32(): never {
    throw notWritten();
  }

  override sfixed32(): never {
    throw notWritten();
  }

  override fixed64(): never {
    throw notWritten();
  }

  override sfixed64(): never {
    throw notWritten();
  }

  override float(): never {
    throw notWritten();
  }

  override double(): never {
    throw notWritten();
  }

  /** Writes the text, or writes nothing that stays and returns false where it is not ASCII. */
  #shortAscii(value: string): boolean {
    this.#reserve(1 + value.length);
    let at = this.#at;
    this.#bytes[at++] = value.length;
    for (let unit = 0; unit < value.length; unit++) {
      const code = value.charCodeAt(unit);
      if (code > 0x7f) return false;
      this.#bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** Precondition: the place is reserved. */
  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#markDirty();
    this.#bytes.fill(0, 0, this.#dirty);
    this.#dirty = this.#at;
    this.#bytes = larger;
  }

  #markDirty(): void {
    if (this.#at > this.#dirty) this.#dirty = this.#at;
  }
}

function varintBytes(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  if (value < 1 << 21) return 3;
  return value < 1 << 28 ? 4 : 5;
}

function notWritten(): Error {
  return new Error('no message of the API has a number of this kind');
}
