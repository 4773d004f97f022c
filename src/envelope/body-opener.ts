import { timingSafeEqual } from 'node:crypto';
import type { Cipher } from '../cipher/cipher.ts';
import { ciphertextRejected } from '../core/errors.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { BodyKey } from './body-key.ts';
import { SALT_BYTES } from './header.ts';
import { outputBuffer } from './output-buffer.ts';
import { PieceBuffer } from './piece-buffer.ts';

/**
 * What opening a whole body and opening a range have in common: the prefix proves the key, nothing leaves before its tag was
 * checked, and what failed stays failed. An opener is used by one caller, one call at a time.
 */
export abstract class BodyOpener implements Disposable {
  /** What `push` holds of a piece that is not complete. */
  protected readonly pieces = new PieceBuffer();
  readonly #cipher: Cipher;
  readonly #objectKey: SecretBytes;
  readonly #context: Uint8Array;
  #key: BodyKey | undefined;
  #state: 'open' | 'failed' | 'over' = 'open';

  /** Copies the object key until the prefix has come. Objects have an empty application context. */
  constructor(cipher: Cipher, objectKey: SecretBytes, context: Uint8Array = new Uint8Array(0)) {
    this.#cipher = cipher;
    this.#objectKey = objectKey.copy();
    this.#context = context;
  }

  /**
   * How many bytes `push` gives for so many of input, if they verify.
   * @throws {KeysideError} CIPHERTEXT_REJECTED after a failure
   */
  sizeOfPush(inputBytes: number): number {
    this.#assertUsable();
    return this.plaintextBytes(inputBytes);
  }

  /**
   * Opens what is complete and returns it, a view of `out` where one is given. All of it was verified.
   * Precondition: `out` is at least `sizeOfPush(input.length)` bytes and does not overlap the input (RangeError, nothing was done).
   * @throws {KeysideError} CIPHERTEXT_REJECTED, with `out` zeroed and the opener wiped; so does every later call
   */
  push(input: Uint8Array, out?: Uint8Array): Uint8Array {
    const result = outputBuffer(this.sizeOfPush(input.length), out);
    return this.#verified(result, () => {
      let at = 0;
      const unwanted = this.pieces.feed(
        input,
        () => this.nextPieceBytes(),
        (piece) => {
          at += this.#take(piece, result.subarray(at));
        },
      );
      if (unwanted > 0) throw ciphertextRejected('bytes after the end');
    });
  }

  /** How many bytes `end` gives, if they verify. */
  get sizeOfEnd(): number {
    this.#assertUsable();
    return this.lastPlaintextBytes();
  }

  /** Opens what is left, checks that nothing is missing, and wipes. Otherwise as `push`, for `sizeOfEnd`. */
  end(out?: Uint8Array): Uint8Array {
    const result = outputBuffer(this.sizeOfEnd, out);
    this.#verified(result, () => {
      if (this.#key === undefined) throw ciphertextRejected('no whole prefix');
      this.finish(this.#key, result);
    });
    this.wipe();
    return result;
  }

  /** Lets go of the keys and zeroes what is held. Further use throws; wiping again does nothing. */
  wipe(): void {
    if (this.#state === 'open') this.#state = 'over';
    this.#objectKey.wipe();
    this.#key?.wipe();
    this.pieces.wipe();
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  /** Whether the prefix has been taken. */
  protected get isBegun(): boolean {
    return this.#key !== undefined;
  }

  protected abstract plaintextBytes(inputBytes: number): number;
  protected abstract lastPlaintextBytes(): number;
  /** The next piece's size: the prefix first; 0 where none may follow. */
  protected abstract nextPieceBytes(): number;
  /** Opens a chunk, writes to the beginning of `out` and returns how many bytes. */
  protected abstract takeChunk(key: BodyKey, chunk: Uint8Array, out: Uint8Array): number;
  protected abstract finish(key: BodyKey, out: Uint8Array): void;

  #take(piece: Uint8Array, out: Uint8Array): number {
    if (this.#key !== undefined) return this.takeChunk(this.#key, piece, out);
    const salt = piece.subarray(0, SALT_BYTES);
    const key = new BodyKey(this.#cipher, this.#objectKey, { salt, context: this.#context });
    this.#key = key;
    this.#objectKey.wipe();
    if (!timingSafeEqual(key.commitment, piece.subarray(SALT_BYTES))) throw ciphertextRejected("the body's commitment");
    return 0;
  }

  #verified(out: Uint8Array, work: () => void): Uint8Array {
    try {
      work();
      return out;
    } catch (error) {
      this.#state = 'failed';
      this.wipe();
      out.fill(0);
      throw error;
    }
  }

  #assertUsable(): void {
    if (this.#state === 'failed') throw ciphertextRejected('an opener that has failed');
    if (this.#state === 'over') throw new Error('an opener was used after its end');
  }
}
