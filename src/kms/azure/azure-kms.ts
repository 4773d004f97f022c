import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { AzureCredentials } from './config.ts';
import type { AzureKeyIdentifier } from './key-identifier.ts';

/** What decides whether two keys can share a connection. */
export interface AzureConnection {
  readonly vaultUrl: string;
  readonly authorityHost: string | undefined;
  readonly tenantId: string | undefined;
  readonly credentials: AzureCredentials;
  readonly isEmulator: boolean;
  readonly caFile: string | undefined;
}

export interface AzureKeyRequest {
  readonly keyName: string;
  /** Undefined: the newest. */
  readonly version: string | undefined;
  readonly signal: AbortSignal;
}

export interface AzureVersionRequest extends AzureKeyIdentifier {
  readonly signal: AbortSignal;
}

/** GetKey's reply, as far as it matters here. Values are Azure's own. */
export interface AzureKeyFacts {
  readonly version: string;
  readonly isEnabled: boolean;
  readonly keyType: string | undefined;
  /** What the key may be used for, e.g. `wrapKey`; undefined where Azure does not say. */
  readonly operations: readonly string[] | undefined;
  readonly notBefore: Date | undefined;
  readonly expiresOn: Date | undefined;
  readonly recoveryLevel: string | undefined;
}

export interface AzureDeletion {
  readonly deletedOn: Date | undefined;
  readonly purgedOn: Date | undefined;
}

/**
 * The calls Keyside makes, each one HTTP request (and one more, without a body, where a client does not know yet whose token the
 * vault wants). Throws `AzureError` only; `errors.ts` puts them into reasons. Secrets in replies are the caller's to wipe and may have
 * any length.
 */
export interface AzureVault {
  /** RSA-OAEP-256 by the service. `payload` stays the caller's, who wipes it only when this has settled. */
  wrapKey(request: AzureVersionRequest, payload: SecretBytes): Promise<AzureWrapped>;
  /** RSA-OAEP-256 by the service. */
  unwrapKey(request: AzureVersionRequest, ciphertext: Uint8Array): Promise<AzureUnwrapped>;
  getKey(request: AzureKeyRequest): Promise<AzureKeyFacts>;
  /** Whether a version other than this one is enabled. */
  hasOtherEnabledVersion(request: AzureKeyRequest): Promise<boolean>;
  /** Undefined where there is no deleted key of this name. */
  getDeletion(keyName: string, signal: AbortSignal): Promise<AzureDeletion | undefined>;
}

export interface AzureWrapped {
  /** The key that did it, as Azure states it; undefined where it states none that can be read. */
  readonly by: AzureKeyIdentifier | undefined;
  readonly ciphertext: Uint8Array;
}

export interface AzureUnwrapped {
  readonly by: AzureKeyIdentifier | undefined;
  readonly payload: SecretBytes;
}

interface AzureErrorFacts {
  /** Who failed: the vault, the authority that signs tokens, or the daemon's own files and settings. */
  readonly from: 'vault' | 'authority' | 'here';
  /** The HTTP status; undefined where there was no answer. */
  readonly status?: number | undefined;
  /** Azure's code, AADSTS number, OAuth error, or the system's code; the innermost that was given. */
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/**
 * What the SDKs' errors say, without the errors themselves: those hold the request, and with it the token and what was to be wrapped.
 * The message is Azure's own words.
 */
export class AzureError extends Error {
  override readonly name = 'AzureError';
  readonly from: AzureErrorFacts['from'];
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { from, status, code, retryAfterMs }: AzureErrorFacts) {
    super(message);
    this.from = from;
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
