import { credentialsError, unfitCredentials } from './credential-errors.ts';
import { record, text } from './traits.ts';

/** Proves to Google who the daemon is: request headers, among them `authorization`. */
export interface Identity {
  /** @throws {GcpCredentialsError} */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Google did not accept them: the next call starts anew. */
  forget(): void;
}

/** For an emulator over plaintext: credentials are neither looked for nor sent. */
export const NO_IDENTITY: Identity = { headers: async () => ({}), forget: () => undefined };

/** What of the SDK's clients for credentials is used. They keep their access token and ask for another in time. */
export interface TokenClient {
  getRequestHeaders(): Promise<Headers>;
}

/** The SDK sets no limit on most of its own requests, and keeps a refresh that hangs for all who come later. */
const CREDENTIALS_MS = 5_000;

/**
 * Headers from a client of the SDK. A client that failed is thrown away: some keep what they failed with. So is one whose file has
 * changed since, which `stampOf` tells.
 */
export class ClientIdentity implements Identity {
  readonly #make: () => Promise<TokenClient>;
  readonly #stampOf: () => Promise<string>;
  readonly #limitMs: number;
  #known: { readonly stamp: string; readonly client: Promise<TokenClient> } | undefined;

  constructor(make: () => Promise<TokenClient>, stampOf: () => Promise<string> = async () => '', limitMs = CREDENTIALS_MS) {
    this.#make = make;
    this.#stampOf = stampOf;
    this.#limitMs = limitMs;
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    try {
      const stamp = await this.#stampOf();
      if (this.#known?.stamp !== stamp) this.#known = { stamp, client: this.#make() };
      const { client } = this.#known;
      const headers = await unlessAborted(async () => (await client).getRequestHeaders(), AbortSignal.timeout(this.#limitMs));
      return Object.fromEntries(headers);
    } catch (cause) {
      this.forget();
      throw credentialsError(cause);
    }
  }

  forget(): void {
    this.#known = undefined;
  }
}

interface Impersonation {
  /** Who asks: needs `iam.serviceAccounts.getAccessToken` on the account. */
  readonly base: Identity;
  readonly serviceAccount: string;
  readonly lifetimeSeconds: number;
  readonly endpoint: string;
  /** The scope of the token. */
  readonly scope: string;
  /** The SDK's HTTP client: answers with the body of a success and throws anything else. */
  post(url: string, request: { readonly headers: Readonly<Record<string, string>>; readonly data: object }): Promise<unknown>;
}

/** A token is asked for anew so long before it ends. */
const REFRESH_MS = 5 * 60_000;

/**
 * A service account that another identity acts as: its access tokens come from the IAM Service Account Credentials API, one call for
 * all who wait (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken).
 */
export class ImpersonatedIdentity implements Identity {
  readonly #impersonation: Impersonation;
  #token: { readonly value: string; readonly refreshAtMs: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(impersonation: Impersonation) {
    this.#impersonation = impersonation;
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    if (this.#token !== undefined && Date.now() < this.#token.refreshAtMs) return bearer(this.#token.value);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return bearer(await this.#asking);
  }

  forget(): void {
    this.#token = undefined;
    this.#impersonation.base.forget();
  }

  async #ask(): Promise<string> {
    const { base, serviceAccount, lifetimeSeconds, endpoint, scope, post } = this.#impersonation;
    const url = `${endpoint}/v1/projects/-/serviceAccounts/${encodeURIComponent(serviceAccount)}:generateAccessToken`;
    const headers = await base.headers();
    const data = { scope: [scope], lifetime: `${lifetimeSeconds}s` };
    try {
      const { accessToken, expireTime } = record(await post(url, { headers, data }));
      const [value, endsAtMs] = [text(accessToken), Date.parse(text(expireTime) ?? '')];
      if (value === undefined || Number.isNaN(endsAtMs)) throw unfitCredentials('the answer is not one of IAM');
      this.#token = { value, refreshAtMs: endsAtMs - REFRESH_MS };
      return value;
    } catch (cause) {
      throw credentialsError(cause);
    }
  }
}

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

/** What the work yields, or the signal's reason as soon as it aborts. */
export async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
