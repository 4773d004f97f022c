import { Buffer } from 'node:buffer';
import { ByteReader, ShortInput } from '../../core/byte-reader.ts';

/**
 * TTLV, the encoding of KMIP 1.x (KMIP specification 1.4, section 9.1): u24 tag, u8 type, u32 length, value, and zeros up to a multiple
 * of 8 bytes. Types that Keyside has no use for are kept as bytes.
 */
export type TtlvItem =
  | TtlvStructure
  | { readonly tag: number; readonly type: 'integer'; readonly value: number }
  | { readonly tag: number; readonly type: 'enumeration'; readonly value: number }
  | { readonly tag: number; readonly type: 'boolean'; readonly value: boolean }
  | { readonly tag: number; readonly type: 'text'; readonly value: string }
  | { readonly tag: number; readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly tag: number; readonly type: 'other'; readonly code: number; readonly value: Uint8Array };

export interface TtlvStructure {
  readonly tag: number;
  readonly type: 'structure';
  readonly items: readonly TtlvItem[];
}

/** Requests and responses beyond this are refused: Keyside's own have some hundred bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Structures within structures. A response that Keyside asks for has 5. */
const MAX_DEPTH = 16;

export const HEADER_BYTES = 8;

const TYPE_CODES = { structure: 1, integer: 2, enumeration: 5, boolean: 6, text: 7, bytes: 8 } as const;

export const TEXT_TYPE_CODE = TYPE_CODES.text;

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes are not what the encoding, or the message that was awaited, demands. */
export class MalformedTtlv extends Error {
  override readonly name = 'MalformedTtlv';
}

/**
 * Reads one item that fills `bytes`. What it returns refers to `bytes` and is good for as long as they are. Allocates nothing by a
 * length that the bytes merely claim, reads nothing beyond their end, and descends 16 levels at most.
 * @throws {MalformedTtlv}
 */
export function decodeTtlv(bytes: Uint8Array): TtlvItem {
  if (bytes.length > MAX_MESSAGE_BYTES) throw new MalformedTtlv(`a message has ${bytes.length} bytes`);
  const reader = new ByteReader(bytes);
  try {
    const item = readItem(reader, 1);
    if (reader.remaining > 0) throw new MalformedTtlv('bytes follow the item');
    return item;
  } catch (cause) {
    throw cause instanceof ShortInput ? new MalformedTtlv(cause.message, { cause }) : cause;
  }
}

function readItem(reader: ByteReader, depth: number): TtlvItem {
  if (depth > MAX_DEPTH) throw new MalformedTtlv(`structures are nested deeper than ${MAX_DEPTH}`);
  const tag = reader.u8('tag') * 0x10000 + reader.u16('tag');
  const code = reader.u8('type');
  const length = reader.u16('length') * 0x10000 + reader.u16('length');
  const value = reader.take(length, 'value');
  reader.take(paddingOf(length), 'padding');
  switch (code) {
    case TYPE_CODES.structure:
      return { tag, type: 'structure', items: readItems(new ByteReader(value), depth + 1) };
    case TYPE_CODES.integer:
      return { tag, type: 'integer', value: u32(value) | 0 };
    case TYPE_CODES.enumeration:
      return { tag, type: 'enumeration', value: u32(value) };
    case TYPE_CODES.boolean:
      return { tag, type: 'boolean', value: flag(value) };
    case TYPE_CODES.text:
      return { tag, type: 'text', value: textOf(value) };
    case TYPE_CODES.bytes:
      return { tag, type: 'bytes', value };
    default:
      return { tag, type: 'other', code, value };
  }
}

function readItems(reader: ByteReader, depth: number): readonly TtlvItem[] {
  const items: TtlvItem[] = [];
  while (reader.remaining > 0) items.push(readItem(reader, depth));
  return items;
}

function u32(value: Uint8Array): number {
  if (value.length !== 4) throw new MalformedTtlv(`a 4-byte value has ${value.length} bytes`);
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
}

function flag(value: Uint8Array): boolean {
  const last = value[7];
  if (value.length !== 8 || value.subarray(0, 7).some((byte) => byte !== 0) || (last !== 0 && last !== 1)) {
    throw new MalformedTtlv('a boolean is neither 0 nor 1');
  }
  return last === 1;
}

/** Fatal: a decoder that replaces invalid bytes would make two names one. */
function textOf(value: Uint8Array): string {
  try {
    return fatal.decode(value);
  } catch (cause) {
    throw new MalformedTtlv('a text is not valid UTF-8', { cause });
  }
}

/**
 * The bytes of an item, on memory of their own and in no other place: the caller can zero them.
 * Precondition: at most 64 KiB, integers of 32 bits, well-formed text.
 */
export function encodeTtlv(item: TtlvItem): Uint8Array<ArrayBuffer> {
  const length = encodedLength(item);
  if (length > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${length} bytes is more than is ever needed`);
  const bytes = Buffer.from(new ArrayBuffer(length));
  write(bytes, item, 0);
  return new Uint8Array(bytes.buffer);
}

/** Writes at `at`; returns the place behind the item. */
function write(bytes: Buffer, item: TtlvItem, at: number): number {
  const length = valueLength(item);
  bytes.writeUIntBE(item.tag, at, 3);
  bytes[at + 3] = item.type === 'other' ? item.code : TYPE_CODES[item.type];
  bytes.writeUInt32BE(length, at + 4);
  const start = at + HEADER_BYTES;
  switch (item.type) {
    case 'structure': {
      let next = start;
      for (const child of item.items) next = write(bytes, child, next);
      break;
    }
    case 'integer':
      bytes.writeInt32BE(item.value, start);
      break;
    case 'enumeration':
      bytes.writeUInt32BE(item.value, start);
      break;
    case 'boolean':
      bytes[start + 7] = item.value ? 1 : 0;
      break;
    case 'text':
      bytes.write(item.value, start, length);
      break;
    default:
      bytes.set(item.value, start);
  }
  return start + length + paddingOf(length);
}

function encodedLength(item: TtlvItem): number {
  const length = valueLength(item);
  return HEADER_BYTES + length + paddingOf(length);
}

function valueLength(item: TtlvItem): number {
  switch (item.type) {
    case 'structure':
      return item.items.reduce((sum, child) => sum + encodedLength(child), 0);
    case 'integer':
    case 'enumeration':
      return 4;
    case 'boolean':
      return 8;
    case 'text':
      return Buffer.byteLength(item.value);
    default:
      return item.value.length;
  }
}

function paddingOf(length: number): number {
  return (8 - (length % 8)) % 8;
}
