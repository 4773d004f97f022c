import { KeysideError } from '../core/errors.ts';

/**
 * Most fields of protobuf in one request, at its top and one level below `fields`, `documents` and `open`. Far above what the limits on
 * documents allow; far below the millions of empty entries that a message of some MiB could hold, which take seconds to decode.
 */
const MAX_ITEMS = 262_144;
/** The number of the field whose own fields count too: `fields` of a document, `documents` of a batch. */
export const DOCUMENTS = 2;
/** `open` of a stream; its `chunk` are bytes, whatever they look like. */
export const OPENING = 1;
/** Memory that an item takes once it is decoded, measured with empty ones: a document of a batch, and an entry within one. */
const TOP_ITEM_BYTES = 640;
const NESTED_ITEM_BYTES = 256;

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED_32 = 5;
const MAX_VARINT_BYTES = 10;

/**
 * Counts before anything is built.
 * @throws {KeysideError} PAYLOAD_TOO_LARGE; whatever else is wrong with the bytes is left to the decoder
 */
export function assertFewItems(bytes: Uint8Array, nestedField: number): void {
  // Two bytes are the shortest item.
  if (bytes.length / 2 <= MAX_ITEMS) return;
  if (new ItemCount(bytes, nestedField).items <= MAX_ITEMS) return;
  throw new KeysideError('PAYLOAD_TOO_LARGE', `the request has more than ${MAX_ITEMS} fields and entries`, {
    details: { limitItems: MAX_ITEMS },
  });
}

/** At most how many bytes of memory a message takes when it is decoded, beside its own bytes, which stay. */
export function decodedBytes(bytes: Uint8Array, nestedField: number): number {
  return new ItemCount(bytes, nestedField).bytes;
}

/** Walks over a message without building anything of it; ends early where it is not protobuf, and where it has too many items. */
class ItemCount {
  items = 0;
  bytes = 0;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array, nestedField: number) {
    this.#bytes = bytes;
    while (this.#at < bytes.length && this.items <= MAX_ITEMS) {
      const tag = this.#varint();
      this.items += 1;
      this.bytes += TOP_ITEM_BYTES;
      if (tag !== nestedField * 8 + LENGTH_DELIMITED) {
        this.#skip(tag & 7);
        continue;
      }
      const length = this.#varint();
      this.#nested(Math.min(bytes.length, this.#at + length));
    }
  }

  #nested(end: number): void {
    while (this.#at < end && this.items <= MAX_ITEMS) {
      this.#skip(this.#varint() & 7);
      this.items += 1;
      this.bytes += NESTED_ITEM_BYTES;
    }
  }

  #skip(wireType: number): void {
    if (wireType === VARINT) this.#varint();
    else if (wireType === FIXED_64) this.#at += 8;
    else if (wireType === FIXED_32) this.#at += 4;
    else if (wireType === LENGTH_DELIMITED) {
      const length = this.#varint();
      this.#at += length;
    } else if (wireType === GROUP_START) this.#skipGroup();
  }

  /** Groups are no part of the API: nothing of them is kept. */
  #skipGroup(): void {
    let depth = 1;
    while (depth > 0 && this.#at < this.#bytes.length) {
      const wireType = this.#varint() & 7;
      if (wireType === GROUP_START) depth += 1;
      else if (wireType === GROUP_END) depth -= 1;
      else this.#skip(wireType);
    }
  }

  /** Beyond the end of the bytes it reads zeros, which end every loop. */
  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 0x80;
    }
    return value;
  }
}
