import type { VaultAuth } from './config.ts';

/** What decides whether two keys can share a connection and its token. Paths and names only: no secret is in it. */
export interface VaultConnection {
  readonly address: string;
  readonly namespace: string | undefined;
  readonly caFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  readonly auth: VaultAuth;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`. Holds nothing but what the configuration names. */
  readonly path: string;
  readonly token?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** One server, spoken to over HTTP. Follows no redirect and retries nothing. */
export interface VaultServer {
  /**
   * The JSON of a success; undefined where it is empty.
   * @throws {VaultRefusal} for any other status
   * @throws {OddAnswer} for an answer that is not JSON, or beyond 64 KiB
   * @throws the system's own error where there is no connection, or a file of the TLS settings cannot be used
   */
  send(request: VaultRequest, signal: AbortSignal): Promise<unknown>;
  /** Ends what is under way and lets go of all sockets. */
  close(): void;
}

/** The server answered, and the answer was no. */
export class VaultRefusal extends Error {
  override readonly name = 'VaultRefusal';
  readonly method: VaultRequest['method'];
  readonly path: string;
  readonly status: number;
  /** The server's own words, shortened and without anything that looks like a secret. Empty where it gave none. */
  readonly says: string;
  /** What it asked us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(request: VaultRequest, answer: { readonly status: number; readonly says: string; readonly retryAfterMs?: number }) {
    super(`${request.method} ${request.path} ended in HTTP ${answer.status}: ${answer.says || 'no reason given'}`);
    this.method = request.method;
    this.path = request.path;
    this.status = answer.status;
    this.says = answer.says;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** The server answered with something that Vault does not say. */
export class OddAnswer extends Error {
  override readonly name = 'OddAnswer';
}

/** The token is valid no more, and there is no other. */
export class DeadToken extends Error {
  override readonly name = 'DeadToken';
}

/** A file of the daemon's own credentials is not what it should be. */
export class CredentialFileFault extends Error {
  override readonly name = 'CredentialFileFault';
  /** The setting that names the file. */
  readonly setting: string;
  /** The system's code, or a word. */
  readonly code: string;

  constructor(setting: string, code: string, cause?: unknown) {
    super(`${setting}: ${code}`, { cause });
    this.setting = setting;
    this.code = code;
  }
}
