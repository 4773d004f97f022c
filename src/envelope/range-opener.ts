import { Buffer } from 'node:buffer';
import { type Cipher, TAG_BYTES } from '../cipher/cipher.ts';
import { ciphertextRejected } from '../core/errors.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { BodyKey } from './body-key.ts';
import { BodyOpener } from './body-opener.ts';
import { BODY_PREFIX_BYTES, CHUNK_BYTES, SEALED_CHUNK_BYTES } from './object-layout.ts';
import type { RangePlan } from './object-range.ts';

/**
 * Opens a range of a body from the spans of its plan, joined in the plan's order and pushed in any sizes.
 * The final chunk, where the plan has one, is opened before any plaintext leaves: so nothing is given out on a false size.
 */
export class RangeOpener extends BodyOpener {
  readonly #plan: RangePlan;
  /** The final chunk's plaintext, kept until the chunks before it were given out; undefined before it came. */
  #final: Uint8Array | undefined;
  readonly #scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #chunks = 0;

  constructor(cipher: Cipher, objectKey: SecretBytes, plan: RangePlan) {
    super(cipher, objectKey);
    this.#plan = plan;
  }

  override wipe(): void {
    super.wipe();
    this.#final?.fill(0);
    this.#scratch.fill(0);
  }

  protected plaintextBytes(inputBytes: number): number {
    const { final, chunkCount } = this.#plan;
    let bytes = this.pieces.length + inputBytes;
    if (!this.isBegun) bytes -= BODY_PREFIX_BYTES;
    if (final !== undefined && this.#final === undefined) bytes -= final.bytes + TAG_BYTES;
    const chunks = Math.min(Math.max(Math.floor(bytes / SEALED_CHUNK_BYTES), 0), chunkCount - this.#chunks);
    return this.#given(this.#chunks + chunks) - this.#given(this.#chunks);
  }

  protected lastPlaintextBytes(): number {
    const { start, end } = this.#plan;
    return end - start - this.#given(this.#plan.chunkCount);
  }

  protected nextPieceBytes(): number {
    const { final, chunkCount } = this.#plan;
    if (!this.isBegun) return BODY_PREFIX_BYTES;
    if (final !== undefined && this.#final === undefined) return final.bytes + TAG_BYTES;
    return this.#chunks < chunkCount ? SEALED_CHUNK_BYTES : 0;
  }

  protected takeChunk(key: BodyKey, chunk: Uint8Array, out: Uint8Array): number {
    const { final, firstChunk } = this.#plan;
    if (final !== undefined && this.#final === undefined) {
      this.#final = Buffer.allocUnsafeSlow(final.bytes);
      if (!key.open(final.index, chunk, this.#final)) throw ciphertextRejected('the last chunk');
      return 0;
    }
    const before = this.#given(this.#chunks);
    const wanted = this.#given(this.#chunks + 1) - before;
    const index = firstChunk + this.#chunks;
    const isWhole = wanted === CHUNK_BYTES;
    const opened = isWhole ? out.subarray(0, CHUNK_BYTES) : this.#scratch;
    if (!key.open(index, chunk, opened)) throw ciphertextRejected('a chunk');
    if (!isWhole) {
      const from = this.#plan.start + before - index * CHUNK_BYTES;
      out.set(this.#scratch.subarray(from, from + wanted));
      this.#scratch.fill(0);
    }
    this.#chunks++;
    return wanted;
  }

  /** Gives what of the final chunk belongs to the range. */
  protected finish(_key: BodyKey, out: Uint8Array): void {
    if (this.nextPieceBytes() !== 0) throw ciphertextRejected('bytes of the range are missing');
    const { start, end, final } = this.#plan;
    if (final === undefined || this.#final === undefined) return;
    const finalAt = final.index * CHUNK_BYTES;
    if (end > finalAt) out.set(this.#final.subarray(Math.max(start - finalAt, 0), end - finalAt));
  }

  /** How many bytes of the range the first so many full chunks hold. */
  #given(chunks: number): number {
    const { start, end, firstChunk } = this.#plan;
    return chunks === 0 ? 0 : Math.min(end, (firstChunk + chunks) * CHUNK_BYTES) - start;
  }
}
