import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Frame, type FramedRecord, MAX_BODY_BYTES, readFrames, type SegmentHeader } from './frame.ts';

/** Where something stands: a line from 1 on, or a byte offset from 0 on. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly offset?: number;
}

export function placeText({ file, line, offset }: Place): string {
  if (line !== undefined) return `${file} line ${line}`;
  return offset === undefined ? file : `${file} byte ${offset}`;
}

/** A line that should be a record; in a segment with what its frame says of it. */
export interface FoundLine {
  readonly place: Place;
  readonly line: Uint8Array;
  readonly frame?: { readonly header: SegmentHeader; readonly record: FramedRecord };
}

/** Bytes that no record can be read from. */
export interface Unreadable {
  readonly place: Place;
  readonly unreadable: string;
}

export type Found = FoundLine | Unreadable;

const CHUNK_BYTES = 1024 * 1024;
const GZIP = [0x1f, 0x8b] as const;
const FRAME_HEADER_BYTES = 8;
const OPENING_BRACE = 0x7b;
const LINE_FEED = 0x0a;

/**
 * Reads a file of records piece by piece: a segment of the spool, lines of JSON, or those compressed with gzip; what it is, its first
 * bytes tell. A segment begins with a length of four bytes of which the first is 0.
 * @throws {Error} as `node:fs` does
 */
export async function* readAuditFile(file: string): AsyncGenerator<readonly Found[], void> {
  const begin = await firstBytes(file);
  if (begin[0] === GZIP[0] && begin[1] === GZIP[1]) yield* linesOf(file, unzipped(file));
  else if (begin[0] === 0 || begin[FRAME_HEADER_BYTES] === OPENING_BRACE) yield* framesOf(file);
  else yield* linesOf(file, createReadStream(file, { highWaterMark: CHUNK_BYTES }));
}

async function firstBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function unzipped(file: string): AsyncIterable<Buffer> {
  // The iterator below throws what the pipeline ends in.
  return pipeline(createReadStream(file), createGunzip(), () => undefined);
}

async function* linesOf(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Found[], void> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  try {
    for await (const chunk of chunks) {
      const found: FoundLine[] = [];
      let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED)) {
        number += 1;
        if (end > 0) found.push({ place: { file, line: number }, line: bytes.subarray(0, end) });
        bytes = bytes.subarray(end + 1);
      }
      rest = bytes;
      yield found;
      if (rest.length > MAX_BODY_BYTES) {
        yield [{ place: { file, line: number + 1 }, unreadable: `is longer than ${MAX_BODY_BYTES} bytes` }];
        return;
      }
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) throw error;
    yield [{ place: { file, line: number + 1 }, unreadable: 'ends the file: what follows is not gzip' }];
    return;
  }
  if (rest.length > 0) yield [{ place: { file, line: number + 1 }, line: rest }];
}

async function* framesOf(file: string): AsyncGenerator<readonly Found[], void> {
  let rest: Buffer = Buffer.alloc(0);
  let restAt = 0;
  let header: SegmentHeader | undefined;
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const found: Found[] = [];
    let frameAt = restAt;
    const { offset, stop } = readFrames(bytes, 0, (frame: Frame, end) => {
      const place = { file, offset: frameAt };
      frameAt = restAt + end;
      if ('header' in frame) {
        if (header !== undefined) found.push({ place, unreadable: 'is a second header of a segment' });
        header ??= frame.header;
      } else if (header === undefined) found.push({ place, unreadable: 'is a record before the header of its segment' });
      else found.push({ place, line: frame.line, frame: { header, record: frame.record } });
    });
    restAt += offset;
    rest = bytes.subarray(offset);
    yield found;
    if (stop === 'damaged') {
      yield [
        {
          place: { file, offset: restAt },
          unreadable: 'is not a frame, or its checksum is wrong; the rest of the file was not read',
        },
      ];
      return;
    }
  }
  if (rest.length > 0)
    yield [{ place: { file, offset: restAt }, unreadable: `is cut off: the file ends after ${rest.length} bytes of it` }];
}
