import { Buffer } from 'node:buffer';
import type { Decoder } from './call-inside.ts';

/** A byte that tells whether the message is compressed, and its length in four. */
const PREFIX_BYTES = 5;

/** Judges messages as they arrive. Whoever returns false has ended the call. */
export interface Arrivals {
  /** A message of this size begins; nothing has been kept of it. */
  begins(size: number, isCompressed: boolean): boolean;
  /** It is complete, and not decoded yet. */
  completes(message: Buffer): boolean;
}

/**
 * Puts together the messages of one call and asks before it takes memory for one. A message that comes in one piece is given on as it
 * lies in the piece; any other is copied once, into memory of its size.
 */
export class MessageCollector implements Decoder {
  readonly #arrivals: Arrivals;
  readonly #maxBytes: number;
  /** The beginning of a prefix that came in more than one piece. */
  #prefix: Buffer | undefined;
  #message: Buffer | undefined;
  #filled = 0;
  #isOver = false;

  constructor(arrivals: Arrivals, maxBytes: number) {
    this.#arrivals = arrivals;
    this.#maxBytes = maxBytes;
  }

  /** @throws {Error} where a message is larger than any may be; grpc-js then ends the call with RESOURCE_EXHAUSTED */
  write(piece: Buffer): Buffer[] {
    const complete: Buffer[] = [];
    let rest: Buffer = this.#prefix === undefined ? piece : Buffer.concat([this.#prefix, piece]);
    this.#prefix = undefined;
    while (rest.length > 0 && !this.#isOver) {
      rest = this.#message === undefined ? this.#begin(rest, complete) : this.#fill(this.#message, rest, complete);
    }
    return complete;
  }

  /** Forgets what has arrived and takes no more. */
  end(): void {
    this.#isOver = true;
    this.#prefix = undefined;
    this.#message = undefined;
  }

  #begin(bytes: Buffer, complete: Buffer[]): Buffer {
    if (bytes.length < PREFIX_BYTES) {
      // A copy: whoever works on the message before may give back the memory of the piece.
      this.#prefix = Buffer.from(bytes);
      return bytes.subarray(bytes.length);
    }
    const size = bytes.readUInt32BE(1);
    if (size > this.#maxBytes) {
      this.end();
      throw new Error(`Received message larger than max (${size} vs ${this.#maxBytes})`);
    }
    if (!this.#arrivals.begins(size, bytes[0] !== 0)) {
      this.end();
      return bytes;
    }
    const length = PREFIX_BYTES + size;
    if (bytes.length >= length) {
      this.#complete(bytes.length === length ? bytes : bytes.subarray(0, length), complete);
      return bytes.subarray(length);
    }
    this.#message = Buffer.allocUnsafeSlow(length);
    this.#filled = bytes.copy(this.#message);
    return bytes.subarray(bytes.length);
  }

  #fill(message: Buffer, bytes: Buffer, complete: Buffer[]): Buffer {
    const copied = bytes.copy(message, this.#filled);
    this.#filled += copied;
    if (this.#filled === message.length) {
      this.#message = undefined;
      this.#complete(message, complete);
    }
    return bytes.subarray(copied);
  }

  #complete(message: Buffer, complete: Buffer[]): void {
    if (this.#arrivals.completes(message.subarray(PREFIX_BYTES))) complete.push(message);
    else this.end();
  }
}
