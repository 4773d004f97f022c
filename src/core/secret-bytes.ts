import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/**
 * Key bytes with an owner. Whoever holds one wipes it; everybody else uses it within one synchronous step.
 * It prints, inspects and serialises as `[redacted]`.
 */
export class SecretBytes implements Disposable {
  #bytes: Uint8Array | undefined;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Takes over `bytes`: the caller must not use them any more. They are zeroed by `wipe`. */
  static own(bytes: Uint8Array): SecretBytes {
    return new SecretBytes(bytes);
  }

  /** Copies `bytes`; the source stays the caller's to zero. */
  static copyOf(bytes: Uint8Array): SecretBytes {
    return new SecretBytes(new Uint8Array(bytes));
  }

  get length(): number {
    return this.expose().length;
  }

  get isWiped(): boolean {
    return this.#bytes === undefined;
  }

  /**
   * The bytes themselves, for one synchronous use: never keep them across an `await`.
   * Precondition: not wiped. A wiped key throws here, so that nothing is ever encrypted under zeros.
   */
  expose(): Uint8Array {
    if (this.#bytes === undefined) throw new Error('a wiped key was used');
    return this.#bytes;
  }

  copy(): SecretBytes {
    return SecretBytes.copyOf(this.expose());
  }

  /** In constant time for equal lengths. */
  equals(other: SecretBytes): boolean {
    const a = this.expose();
    const b = other.expose();
    return a.length === b.length && timingSafeEqual(a, b);
  }

  /** Zeroes the bytes. Further use throws; wiping again does nothing. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
