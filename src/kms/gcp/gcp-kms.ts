import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { GcpCredentials } from './config.ts';

/** What decides whether two keys can share a channel. */
export interface GcpConnection {
  /** Undefined: cloudkms.googleapis.com. */
  readonly endpoint: string | undefined;
  readonly credentials: GcpCredentials;
}

export interface GcpRequest {
  readonly keyName: string;
  readonly additionalData: Uint8Array;
  readonly signal: AbortSignal;
}

export interface GcpWrapped {
  /** The resource name of the key version that did it, as Google states it. */
  readonly versionName: string;
  readonly ciphertext: Uint8Array;
}

/** A CryptoKeyVersion, as far as it matters here. Values are Google's own. */
export interface GcpVersionFacts {
  readonly name: string;
  readonly state: string;
  /** SOFTWARE, HSM, EXTERNAL, EXTERNAL_VPC, … */
  readonly protectionLevel: string;
}

/** A CryptoKey, as far as it matters here. Values are Google's own. */
export interface GcpKeyFacts {
  readonly purpose: string;
  /** What Encrypt uses; undefined where the key has no such version. */
  readonly primary: GcpVersionFacts | undefined;
}

/**
 * The four calls Keyside makes, each one gRPC call with checksums both ways. Throws the SDK's own errors, `GcpCredentialsError` and
 * `DamagedReplyError`; `errors.ts` puts them into reasons. Secrets in replies are the caller's to wipe and may have any length.
 */
export interface GcpKms {
  /** `dataKey` stays the caller's. */
  encrypt(request: GcpRequest, dataKey: SecretBytes): Promise<GcpWrapped>;
  decrypt(request: GcpRequest, ciphertext: Uint8Array): Promise<SecretBytes>;
  getKey(keyName: string, signal: AbortSignal): Promise<GcpKeyFacts>;
  getVersion(versionName: string, signal: AbortSignal): Promise<GcpVersionFacts>;
}
