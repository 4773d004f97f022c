import { KeysideError } from '../../core/errors.ts';
import type { Timer } from '../timer.ts';
import type { VaultAuth } from './config.ts';
import { readCredential } from './credential-file.ts';
import { LoginTokens } from './login-tokens.ts';
import { TokenFile } from './token-file.ts';
import type { TokenSource } from './tokens.ts';
import { type VaultConnection, VaultRefusal, type VaultRequest, type VaultServer } from './vault-server.ts';

/** How long a token that the server has just called valid is not asked about again. */
const TRUST_MS = 10_000;

type VaultCall = Pick<VaultRequest, 'method' | 'path' | 'body'>;

/**
 * Calls in the name of the daemon. A 403 says nothing about its cause: where the token turns out to be valid no more, the call is made
 * once more with another one.
 */
export class VaultSession {
  readonly #server: VaultServer;
  readonly #timer: Timer;
  readonly #tokens: TokenSource;
  readonly #closing = new AbortController();
  #trusted: { readonly token: string; readonly untilMs: number } | undefined;

  constructor(server: VaultServer, { auth }: Pick<VaultConnection, 'auth'>, timer: Timer) {
    this.#server = server;
    this.#timer = timer;
    this.#tokens = tokensOf(auth, { server, timer, closing: this.#closing.signal });
  }

  /** @throws as `VaultServer.send` and `TokenSource` do; a 403 is a refusal of a valid token */
  async call(call: VaultCall, signal: AbortSignal): Promise<unknown> {
    const token = await this.#tokens.current(signal);
    try {
      return await this.#server.send({ ...call, token }, signal);
    } catch (cause) {
      if (!isForbidden(cause) || (await this.#isValid(token, signal))) throw cause;
      const other = await this.#tokens.replace(token, signal);
      if (other === undefined) throw cause;
      return await this.#server.send({ ...call, token: other }, signal);
    }
  }

  close(): void {
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', 'the connection to Vault was closed'));
    this.#server.close();
  }

  /** Where the question itself fails, the refusal stands. */
  async #isValid(token: string, signal: AbortSignal): Promise<boolean> {
    const nowMs = this.#timer.nowMs();
    if (this.#trusted?.token === token && nowMs < this.#trusted.untilMs) return true;
    try {
      await this.#server.send({ method: 'GET', path: 'auth/token/lookup-self', token }, signal);
    } catch (error) {
      return !isForbidden(error);
    }
    this.#trusted = { token, untilMs: nowMs + TRUST_MS };
    return true;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof VaultRefusal && error.status === 403;
}

interface Surroundings {
  readonly server: VaultServer;
  readonly timer: Timer;
  readonly closing: AbortSignal;
}

function tokensOf(auth: VaultAuth, surroundings: Surroundings): TokenSource {
  switch (auth.method) {
    case 'token-file':
      return new TokenFile(auth.file);
    case 'approle': {
      const credentials = async () => ({
        role_id: await readCredential('auth.roleIdFile', auth.roleIdFile),
        secret_id: await readCredential('auth.secretIdFile', auth.secretIdFile),
      });
      return new LoginTokens({ ...surroundings, path: `auth/${auth.mount}/login`, credentials });
    }
    case 'kubernetes': {
      const credentials = async () => ({ role: auth.role, jwt: await readCredential('auth.jwtFile', auth.jwtFile) });
      return new LoginTokens({ ...surroundings, path: `auth/${auth.mount}/login`, credentials });
    }
  }
}
