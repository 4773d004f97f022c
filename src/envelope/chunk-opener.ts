import { TAG_BYTES } from '../cipher/cipher.ts';
import { ciphertextRejected } from '../core/errors.ts';
import type { BodyKey } from './body-key.ts';
import { BodyOpener } from './body-opener.ts';
import { BODY_PREFIX_BYTES, CHUNK_BYTES, MAX_CHUNKS, SEALED_CHUNK_BYTES } from './object-layout.ts';

/**
 * Opens a whole body while it arrives in any sizes. Plaintext leaves chunk by chunk; that the body was neither cut nor extended is
 * known when `end` returns, and not before.
 */
export class ChunkOpener extends BodyOpener {
  #index = 0;

  protected plaintextBytes(inputBytes: number): number {
    const missing = this.isBegun ? 0 : BODY_PREFIX_BYTES;
    const chunks = Math.floor((this.pieces.length + inputBytes - missing) / SEALED_CHUNK_BYTES);
    return Math.max(chunks, 0) * CHUNK_BYTES;
  }

  protected lastPlaintextBytes(): number {
    return this.isBegun ? Math.max(this.pieces.length - TAG_BYTES, 0) : 0;
  }

  protected nextPieceBytes(): number {
    if (!this.isBegun) return BODY_PREFIX_BYTES;
    return this.#index < MAX_CHUNKS ? SEALED_CHUNK_BYTES : 0;
  }

  protected takeChunk(key: BodyKey, chunk: Uint8Array, out: Uint8Array): number {
    if (!key.open(this.#index, chunk, out.subarray(0, CHUNK_BYTES))) throw ciphertextRejected('a chunk');
    this.#index++;
    return CHUNK_BYTES;
  }

  /** The last chunk is what is short of a full one; where nothing is left, it was cut off. */
  protected finish(key: BodyKey, out: Uint8Array): void {
    const rest = this.pieces.rest;
    const isOpened = rest.length >= TAG_BYTES && this.#index < MAX_CHUNKS && key.open(this.#index, rest, out);
    if (!isOpened) throw ciphertextRejected('the last chunk');
  }
}
