import { stat } from 'node:fs/promises';
import { readCredential } from './credential-file.ts';
import type { TokenSource } from './tokens.ts';
import { CredentialFileFault, DeadToken } from './vault-server.ts';

const SETTING = 'auth.file';

/** A token that somebody else keeps fresh. Costs one `stat` a call; the file is read again when it changed, or was refused. */
export class TokenFile implements TokenSource {
  readonly #file: string;
  #known: { readonly stamp: string; readonly token: string } | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async current(): Promise<string> {
    const stamp = await stampOf(this.#file);
    if (this.#known?.stamp === stamp) return this.#known.token;
    const token = await readCredential(SETTING, this.#file);
    this.#known = { stamp, token };
    return token;
  }

  async replace(refused: string): Promise<string> {
    this.#known = undefined;
    const token = await this.current();
    if (token === refused) throw new DeadToken('the token in the file is valid no more');
    return token;
  }
}

async function stampOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (cause) {
    throw new CredentialFileFault(SETTING, cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable', cause);
  }
}
