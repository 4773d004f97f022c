import type { AwsCredentials } from '../../aws/config.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';

/** What decides whether two keys can share a connection. */
export interface AwsConnection {
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly credentials: AwsCredentials;
}

export interface AwsRequest {
  /** Key id, key ARN or alias. */
  readonly keyName: string;
  readonly encryptionContext: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface AwsWrapped {
  /** The key that did it, as AWS states it. */
  readonly keyArn: string | undefined;
  readonly ciphertext: Uint8Array;
}

/** DescribeKey's reply, as far as it matters here. Values are AWS's own. */
export interface AwsKeyFacts {
  readonly arn: string | undefined;
  readonly state: string | undefined;
  readonly spec: string | undefined;
  readonly usage: string | undefined;
  readonly origin: string | undefined;
  /** AWS CloudHSM or an external key store holds the key. */
  readonly isInCustomKeyStore: boolean;
}

/**
 * The four calls Keyside makes, each one HTTP request. Throws the SDK's own errors; `errors.ts` puts them into reasons. Secrets in
 * replies are the caller's to wipe and may have any length.
 */
export interface AwsKms {
  generateDataKey(request: AwsRequest): Promise<AwsWrapped & { readonly dataKey: SecretBytes }>;
  /** `dataKey` stays the caller's. */
  encrypt(request: AwsRequest, dataKey: SecretBytes): Promise<AwsWrapped>;
  decrypt(
    request: AwsRequest,
    ciphertext: Uint8Array,
  ): Promise<{ readonly keyArn: string | undefined; readonly dataKey: SecretBytes }>;
  describeKey(keyName: string, signal: AbortSignal): Promise<AwsKeyFacts>;
}
