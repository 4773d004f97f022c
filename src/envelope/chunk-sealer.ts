import { type Cipher, TAG_BYTES } from '../cipher/cipher.ts';
import { KeysideError } from '../core/errors.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { BodyKey } from './body-key.ts';
import { SALT_BYTES } from './header.ts';
import { BODY_PREFIX_BYTES, CHUNK_BYTES, MAX_OBJECT_BYTES, SEALED_CHUNK_BYTES } from './object-layout.ts';
import { outputBuffer } from './output-buffer.ts';
import { PieceBuffer } from './piece-buffer.ts';

/**
 * Seals an object's body while its plaintext arrives in any sizes: section 5 of docs/format.md. Whole chunks go straight from the
 * input to the output; less than one chunk is held between calls.
 */
export class ChunkSealer implements Disposable {
  readonly #key: BodyKey;
  readonly #salt: Uint8Array;
  readonly #pieces = new PieceBuffer();
  #isBegun = false;
  #isOver = false;
  #index = 0;

  /**
   * Draws the body's salt. The object key stays the caller's and is not needed afterwards.
   * Precondition: the object key has sealed no other body.
   */
  constructor(cipher: Cipher, objectKey: SecretBytes) {
    this.#salt = cipher.random(SALT_BYTES);
    this.#key = new BodyKey(cipher, objectKey, { salt: this.#salt });
  }

  /**
   * How many bytes `push` gives for so many of input; the first call's include salt and commitment.
   * @throws {KeysideError} PAYLOAD_TOO_LARGE beyond 2^52 - 1 bytes of plaintext
   */
  sizeOfPush(inputBytes: number): number {
    this.#assertUsable();
    if (inputBytes > MAX_OBJECT_BYTES - this.#index * CHUNK_BYTES - this.#pieces.length) {
      throw new KeysideError('PAYLOAD_TOO_LARGE', `an object exceeds ${MAX_OBJECT_BYTES} bytes`);
    }
    return this.#prefixBytes + Math.floor((this.#pieces.length + inputBytes) / CHUNK_BYTES) * SEALED_CHUNK_BYTES;
  }

  /**
   * Seals what is complete and returns it, a view of `out` where one is given.
   * Precondition: `out` is at least `sizeOfPush(input.length)` bytes and does not overlap the input (RangeError, nothing was done).
   * @throws {KeysideError} as `sizeOfPush`, and nothing was done
   */
  push(input: Uint8Array, out?: Uint8Array): Uint8Array {
    const result = outputBuffer(this.sizeOfPush(input.length), out);
    let at = this.#writePrefix(result);
    this.#pieces.feed(
      input,
      () => CHUNK_BYTES,
      (chunk) => {
        this.#key.seal(this.#index++, chunk, result.subarray(at, at + SEALED_CHUNK_BYTES));
        at += SEALED_CHUNK_BYTES;
      },
    );
    return result;
  }

  /** How many bytes `end` gives. */
  get sizeOfEnd(): number {
    this.#assertUsable();
    return this.#prefixBytes + this.#pieces.length + TAG_BYTES;
  }

  /** Seals the last chunk, which may be empty, and wipes. Precondition: as `push`, for `sizeOfEnd`. */
  end(out?: Uint8Array): Uint8Array {
    const result = outputBuffer(this.sizeOfEnd, out);
    const at = this.#writePrefix(result);
    this.#key.seal(this.#index, this.#pieces.rest, result.subarray(at));
    this.wipe();
    return result;
  }

  /** Lets go of the key and zeroes nonces and what is held. Further use throws; wiping again does nothing. */
  wipe(): void {
    this.#isOver = true;
    this.#key.wipe();
    this.#pieces.wipe();
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  get #prefixBytes(): number {
    return this.#isBegun ? 0 : BODY_PREFIX_BYTES;
  }

  /** Writes salt and commitment once; returns where chunks go on. */
  #writePrefix(out: Uint8Array): number {
    const length = this.#prefixBytes;
    if (length > 0) {
      out.set(this.#salt);
      out.set(this.#key.commitment, SALT_BYTES);
      this.#isBegun = true;
    }
    return length;
  }

  #assertUsable(): void {
    if (this.#isOver) throw new Error('a sealer was used after its end');
  }
}
