import { readFile, stat } from 'node:fs/promises';
import { KeysideClientError } from './errors.ts';

/** A bearer token in a file. The file is read when the token is first asked for, and again whenever it has changed. */
export class TokenFile {
  readonly #file: string;
  #stamp = '';
  #token = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws {KeysideClientError} CALLER_UNAUTHENTICATED where the file cannot be read or holds no token */
  async token(): Promise<string> {
    try {
      const { mtimeMs, ino, size } = await stat(this.#file);
      const stamp = `${mtimeMs} ${ino} ${size}`;
      if (stamp !== this.#stamp) {
        this.#token = (await readFile(this.#file, 'utf8')).trim();
        this.#stamp = stamp;
      }
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
      throw this.#unfit(`cannot be read: ${code === 'ENOENT' ? 'no such file' : code}`, cause);
    }
    // What a header can hold; never shown, for it is a secret.
    if (!/^[\x21-\x7e]+$/.test(this.#token)) throw this.#unfit('holds no token: one line of printable ASCII');
    return this.#token;
  }

  #unfit(says: string, cause?: unknown): KeysideClientError {
    const facts = { reason: 'CALLER_UNAUTHENTICATED', code: 'UNAUTHENTICATED', cause } as const;
    return new KeysideClientError(`the token file ${this.#file} ${says}`, facts);
  }
}
