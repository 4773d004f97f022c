import { Buffer } from 'node:buffer';

/**
 * Messages on a pipe: u32 length of the rest, u32 length of the head, head (JSON), body (bytes, the secret part). Both ends are ours;
 * lengths are checked all the same, since a module may write where it should not.
 */

const LENGTH_BYTES = 4;
const MAX_FRAME_BYTES = 64 * 1024;

export interface Frame {
  readonly head: unknown;
  /** On memory of its own, the reader's to wipe. */
  readonly body: Uint8Array;
}

/** A frame on memory of its own; the caller zeroes it once it is written. `body` stays the caller's. */
export function encodeFrame(head: object, body: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const frame = Buffer.alloc(2 * LENGTH_BYTES + text.length + body.length);
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  frame.writeUInt32BE(text.length, LENGTH_BYTES);
  frame.set(text, 2 * LENGTH_BYTES);
  frame.set(body, 2 * LENGTH_BYTES + text.length);
  return frame;
}

/** Puts chunks of a pipe together again. */
export class FrameReader {
  #held = Buffer.alloc(0);

  /** The frames that are complete. Zeroes `chunk` and what it no longer needs. @throws {Error} where it is no frame */
  push(chunk: Buffer): readonly Frame[] {
    let rest = this.#join(chunk);
    const frames: Frame[] = [];
    for (let frame = first(rest); frame !== undefined; frame = first(rest)) {
      frames.push(decode(frame));
      rest = rest.subarray(LENGTH_BYTES + frame.length);
    }
    const kept = Buffer.alloc(rest.length);
    kept.set(rest);
    this.#held.fill(0);
    this.#held = kept;
    return frames;
  }

  #join(chunk: Buffer): Buffer {
    const joined = Buffer.alloc(this.#held.length + chunk.length);
    joined.set(this.#held);
    joined.set(chunk, this.#held.length);
    chunk.fill(0);
    this.#held.fill(0);
    this.#held = joined;
    return joined;
  }
}

/** What follows the first length, once all of it is there. */
function first(bytes: Buffer): Buffer | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length < LENGTH_BYTES || length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes`);
  return bytes.length < LENGTH_BYTES + length ? undefined : bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
}

function decode(frame: Buffer): Frame {
  const headLength = frame.readUInt32BE(0);
  if (headLength > frame.length - LENGTH_BYTES) throw new Error('a frame whose head is longer than itself');
  const head: unknown = JSON.parse(frame.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + headLength));
  return { head, body: new Uint8Array(frame.subarray(LENGTH_BYTES + headLength)) };
}
