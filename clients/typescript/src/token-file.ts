import { readFileSync, statSync } from 'node:fs';
import { CallerUnauthenticatedError } from './error-types.ts';
import type { KeysideError } from './errors.ts';

/**
 * A bearer token in a file, read again whenever the file has changed. To look costs a microsecond or two at each call: less, and in
 * all less waiting, than a look that does not block.
 */
export class TokenFile {
  readonly #file: string;
  #stamp = '';
  #header = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** The value of the `authorization` header. @throws {CallerUnauthenticatedError} where the file cannot be read or holds no token */
  authorization(): string {
    let token: string | undefined;
    try {
      const { mtimeMs, ino, size } = statSync(this.#file);
      const stamp = `${mtimeMs} ${ino} ${size}`;
      if (stamp === this.#stamp) return this.#header;
      token = readFileSync(this.#file, 'utf8').trim();
      this.#stamp = stamp;
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
      throw this.#unfit(`cannot be read: ${code === 'ENOENT' ? 'no such file' : code}`, cause);
    }
    // What a header can hold; never shown, for it is a secret.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      this.#stamp = '';
      throw this.#unfit('holds no token: one line of printable ASCII');
    }
    this.#header = `Bearer ${token}`;
    return this.#header;
  }

  #unfit(says: string, cause?: unknown): KeysideError {
    const facts = { reason: 'CALLER_UNAUTHENTICATED', code: 'UNAUTHENTICATED', cause } as const;
    return new CallerUnauthenticatedError(`the token file ${this.#file} ${says}`, facts);
  }
}
