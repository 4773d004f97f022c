import { Buffer } from 'node:buffer';
import { SEALED_CHUNK_BYTES } from './object-layout.ts';

/** Cuts input that comes in any sizes into pieces, and holds what is short of one: less than a chunk. */
export class PieceBuffer {
  readonly #held = Buffer.allocUnsafeSlow(SEALED_CHUNK_BYTES);
  #length = 0;

  /** What is held, in bytes. */
  get length(): number {
    return this.#length;
  }

  /** A view of what is held. */
  get rest(): Uint8Array {
    return this.#held.subarray(0, this.#length);
  }

  /**
   * Hands every whole piece to `take`, as a view valid only there: of the input, or of what was held where a piece began earlier.
   * `nextSize` says how long the next piece is, at most a sealed chunk, and 0 where none may follow.
   * Returns how many bytes of the input nobody wanted.
   */
  feed(input: Uint8Array, nextSize: () => number, take: (piece: Uint8Array) => void): number {
    let at = 0;
    while (at < input.length) {
      const size = nextSize();
      if (size === 0) break;
      const wanted = size - this.#length;
      if (input.length - at < wanted) {
        this.#held.set(input.subarray(at), this.#length);
        this.#length += input.length - at;
        return 0;
      }
      const end = at + wanted;
      take(this.#length === 0 ? input.subarray(at, end) : this.#complete(input.subarray(at, end)));
      this.#length = 0;
      at = end;
    }
    return input.length - at;
  }

  wipe(): void {
    this.#held.fill(0);
    this.#length = 0;
  }

  #complete(end: Uint8Array): Uint8Array {
    this.#held.set(end, this.#length);
    return this.#held.subarray(0, this.#length + end.length);
  }
}
