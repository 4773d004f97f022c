import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { EVENT_KINDS, type EventKind } from './event.ts';

/**
 * The bytes of a segment of the spool: frames, one after the other. A frame is the length of its body (u32), the CRC-32 of its body
 * (u32) and the body; integers are big-endian. The first body of a segment is its header, in JSON; every other is one record: its kind
 * (u8, an index into EVENT_KINDS), its sequence (u64), its time in milliseconds since the epoch (u64), the length of its tenant's id
 * (u16), that id in UTF-8 (empty: the daemon's own record), and the record's line.
 */
const FORMAT = 'keyside-audit-1';

const LENGTH_BYTES = 4;
const FRAME_HEADER_BYTES = 8;
const RECORD_HEADER_BYTES = 19;
/** Bytes that a UTF-16 code unit has in UTF-8 at most. */
const MAX_UTF8 = 3;

/** Longer than any record: a length beyond it is not a length. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Which run of which sidecar a segment is of. */
export interface SegmentHeader {
  readonly sidecar: string;
  readonly start: string;
  readonly segment: number;
}

export interface FramedRecord {
  readonly kind: EventKind;
  readonly sequence: number;
  readonly timeMs: number;
  /** Empty: the daemon's own. */
  readonly tenantId: string;
}

/** Collects frames until they are written. Its memory is used again: what `take` gave is valid until the buffer after the next is taken. */
export class FrameBuffer {
  #bytes: Buffer;
  #spare: Buffer;
  #length = 0;

  constructor(capacity = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#spare = Buffer.allocUnsafeSlow(capacity);
  }

  get length(): number {
    return this.#length;
  }

  header({ sidecar, start, segment }: SegmentHeader): void {
    const text = JSON.stringify({ format: FORMAT, sidecar, segment, start });
    const length = Buffer.byteLength(text);
    const at = this.#claim(FRAME_HEADER_BYTES + length);
    this.#bytes.write(text, at + FRAME_HEADER_BYTES, 'utf8');
    this.#close(at, length);
  }

  record({ kind, sequence, timeMs, tenantId }: FramedRecord, line: string): void {
    const at = this.#claim(FRAME_HEADER_BYTES + RECORD_HEADER_BYTES + MAX_UTF8 * (tenantId.length + line.length));
    const bytes = this.#bytes;
    let next = bytes.writeUInt8(EVENT_KINDS.indexOf(kind), at + FRAME_HEADER_BYTES);
    next = writeU64(bytes, sequence, next);
    next = writeU64(bytes, timeMs, next);
    const tenantAt = next + 2;
    const lineAt = tenantAt + bytes.write(tenantId, tenantAt, 'utf8');
    bytes.writeUInt16BE(lineAt - tenantAt, next);
    this.#length = lineAt + bytes.write(line, lineAt, 'utf8');
    const length = this.#length - at - FRAME_HEADER_BYTES;
    if (length > MAX_BODY_BYTES) {
      this.#length = at;
      throw new RangeError(`a record of ${length} bytes exceeds ${MAX_BODY_BYTES}`);
    }
    this.#close(at, length);
  }

  /** Puts frames that were taken before in front of everything collected since. */
  prepend(frames: Uint8Array): void {
    const rest = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    // The place first: taking it may replace the memory.
    const place = this.#claim(frames.length + rest.length);
    this.#bytes.set(frames, place);
    this.#bytes.set(rest, place + frames.length);
  }

  /** What was collected; the buffer is empty then. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    [this.#bytes, this.#spare] = [this.#spare, this.#bytes];
    this.#length = 0;
    return taken;
  }

  #close(at: number, length: number): void {
    const bytes = this.#bytes;
    bytes.writeUInt32BE(length, at);
    const body = at + FRAME_HEADER_BYTES;
    bytes.writeUInt32BE(crc32(bytes.subarray(body, body + length)), at + LENGTH_BYTES);
  }

  #claim(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }
}

/** One frame that was read: the segment's header, or a record. Views of what they were read from. */
export type Frame = { readonly header: SegmentHeader } | { readonly record: FramedRecord; readonly line: Uint8Array };

/** Why reading stopped: at the end of the bytes, within a frame (`torn`), or at bytes that are no frame (`damaged`). */
export type FrameStop = 'end' | 'torn' | 'damaged';

/**
 * Reads the frames of `bytes` from `offset` on, as far as they are whole and their checksums right.
 * @returns where the first frame begins that was not read, and why
 */
export function readFrames(
  bytes: Uint8Array,
  offset: number,
  each: (frame: Frame, end: number) => void,
): { readonly offset: number; readonly stop: FrameStop } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = offset;
  for (;;) {
    if (at === buffer.length) return { offset: at, stop: 'end' };
    if (at + FRAME_HEADER_BYTES > buffer.length) return { offset: at, stop: 'torn' };
    const length = buffer.readUInt32BE(at);
    if (length === 0 || length > MAX_BODY_BYTES) return { offset: at, stop: 'damaged' };
    const end = at + FRAME_HEADER_BYTES + length;
    if (end > buffer.length) return { offset: at, stop: 'torn' };
    const body = buffer.subarray(at + FRAME_HEADER_BYTES, end);
    const frame = crc32(body) === buffer.readUInt32BE(at + LENGTH_BYTES) ? parseBody(body) : undefined;
    if (frame === undefined) return { offset: at, stop: 'damaged' };
    each(frame, end);
    at = end;
  }
}

const OPENING_BRACE = 0x7b;

function parseBody(body: Buffer): Frame | undefined {
  // A record begins with the number of its kind, which is far below that of `{`.
  return body[0] === OPENING_BRACE ? parseHeader(body) : parseRecord(body);
}

function parseRecord(body: Buffer): Frame | undefined {
  if (body.length < RECORD_HEADER_BYTES) return undefined;
  const kind = EVENT_KINDS[body.readUInt8(0)];
  const lineAt = RECORD_HEADER_BYTES + body.readUInt16BE(17);
  if (kind === undefined || lineAt > body.length) return undefined;
  return {
    record: {
      kind,
      sequence: readU64(body, 1),
      timeMs: readU64(body, 9),
      tenantId: body.toString('utf8', RECORD_HEADER_BYTES, lineAt),
    },
    line: body.subarray(lineAt),
  };
}

function parseHeader(body: Buffer): Frame | undefined {
  let parsed: Partial<Record<string, unknown>>;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // not a header: the caller reports damage
  }
  const { format, sidecar, start, segment } = parsed;
  if (format !== FORMAT || typeof sidecar !== 'string' || typeof start !== 'string' || typeof segment !== 'number')
    return undefined;
  return { header: { sidecar, start, segment } };
}

const TWO_TO_32 = 2 ** 32;

/** Precondition: a safe integer that is not negative; quicker than a BigInt. */
function writeU64(bytes: Buffer, value: number, at: number): number {
  bytes.writeUInt32BE(Math.floor(value / TWO_TO_32), at);
  return bytes.writeUInt32BE(value % TWO_TO_32, at + LENGTH_BYTES);
}

function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * TWO_TO_32 + bytes.readUInt32BE(at + LENGTH_BYTES);
}
