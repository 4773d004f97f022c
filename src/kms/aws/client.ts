import { stat } from 'node:fs/promises';
import { DecryptCommand, DescribeKeyCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { fromNodeProviderChain, fromTemporaryCredentials, fromTokenFile } from '@aws-sdk/credential-providers';
import { SecretBytes } from '../../core/secret-bytes.ts';
import type { AwsConnection, AwsKeyFacts, AwsKms, AwsRequest, AwsWrapped } from './aws-kms.ts';
import type { AwsBaseCredentials, AwsCredentials } from './config.ts';
import { type AccessKey, readAccessKey } from './credentials-file.ts';

type CredentialProvider = ReturnType<typeof fromNodeProviderChain>;
type Handler = KMSClient['config']['requestHandler'];
type AssumeRole = Extract<AwsCredentials, { source: 'assume-role' }>;
type StsSettings = Pick<AssumeRole, 'stsRegion' | 'stsEndpoint'>;

/** The guard ends attempts at 3 s; these hold for calls it does not see, such as STS's. */
const HANDLER_OPTIONS = {
  connectionTimeout: 2_000,
  requestTimeout: 5_000,
  throwOnRequestTimeout: true,
  /** The cap per tenant is the guard's; this one is for all tenants of a region together. */
  httpsAgent: { keepAlive: true, maxSockets: 512 },
  httpAgent: { keepAlive: true, maxSockets: 512 },
};

/** Opens connections to KMS. Those opened through one opener share their sockets. */
export class AwsKmsOpener {
  #handler: Handler | undefined;

  open(connection: AwsConnection): AwsKms {
    const { region, endpoint, credentials } = connection;
    const client = new KMSClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      credentials: credentialsOf(credentials, { region, handler: () => this.#handler }),
      maxAttempts: 1, // retries are the guard's
      requestHandler: this.#handler ?? HANDLER_OPTIONS,
    });
    this.#handler ??= client.config.requestHandler;
    return new SdkKms(client);
  }

  /** Closes all sockets. Opening again afterwards is allowed. */
  close(): void {
    this.#handler?.destroy?.();
    this.#handler = undefined;
  }
}

class SdkKms implements AwsKms {
  readonly #client: KMSClient;

  constructor(client: KMSClient) {
    this.#client = client;
  }

  async generateDataKey(request: AwsRequest): Promise<AwsWrapped & { readonly dataKey: SecretBytes }> {
    const { keyName: KeyId, encryptionContext: EncryptionContext, signal: abortSignal } = request;
    const command = new GenerateDataKeyCommand({ KeyId, EncryptionContext, KeySpec: 'AES_256' });
    const reply = await this.#client.send(command, { abortSignal });
    return { keyArn: reply.KeyId, ciphertext: reply.CiphertextBlob ?? NO_BYTES, dataKey: takeSecret(reply.Plaintext) };
  }

  async encrypt(request: AwsRequest, dataKey: SecretBytes): Promise<AwsWrapped> {
    const { keyName: KeyId, encryptionContext: EncryptionContext, signal: abortSignal } = request;
    // A copy: the SDK reads it after it has found credentials, and by then the caller may have wiped its own.
    using copy = dataKey.copy();
    const command = new EncryptCommand({
      KeyId,
      EncryptionContext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      Plaintext: copy.expose(),
    });
    const reply = await this.#client.send(command, { abortSignal });
    return { keyArn: reply.KeyId, ciphertext: reply.CiphertextBlob ?? NO_BYTES };
  }

  async decrypt(
    request: AwsRequest,
    ciphertext: Uint8Array,
  ): Promise<{ readonly keyArn: string | undefined; readonly dataKey: SecretBytes }> {
    const { keyName: KeyId, encryptionContext: EncryptionContext, signal: abortSignal } = request;
    const command = new DecryptCommand({
      KeyId,
      EncryptionContext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      CiphertextBlob: ciphertext,
    });
    const reply = await this.#client.send(command, { abortSignal });
    return { keyArn: reply.KeyId, dataKey: takeSecret(reply.Plaintext) };
  }

  async describeKey(KeyId: string, abortSignal: AbortSignal): Promise<AwsKeyFacts> {
    const { KeyMetadata: facts } = await this.#client.send(new DescribeKeyCommand({ KeyId }), { abortSignal });
    return {
      arn: facts?.Arn,
      state: facts?.KeyState,
      spec: facts?.KeySpec,
      usage: facts?.KeyUsage,
      origin: facts?.Origin,
      isInCustomKeyStore: facts?.CustomKeyStoreId !== undefined,
    };
  }
}

const NO_BYTES = new Uint8Array(0);

/** Onto memory of its own: the SDK decodes into Node's shared pool. The JSON text it came in is a string and cannot be zeroed. */
function takeSecret(plaintext: Uint8Array | undefined): SecretBytes {
  const secret = SecretBytes.copyOf(plaintext ?? NO_BYTES);
  plaintext?.fill(0);
  return secret;
}

interface CredentialSurroundings {
  readonly region: string;
  /** STS goes through the same sockets and time limits. */
  readonly handler: () => Handler | undefined;
}

function credentialsOf(
  credentials: AwsCredentials | AwsBaseCredentials,
  surroundings: CredentialSurroundings,
): CredentialProvider {
  switch (credentials.source) {
    case 'ambient':
      return fromNodeProviderChain();
    case 'file':
      return fromCredentialsFile(credentials);
    case 'web-identity': {
      const { roleArn, tokenFile: webIdentityTokenFile, sessionName: roleSessionName } = credentials;
      return (identity) =>
        fromTokenFile({ roleArn, webIdentityTokenFile, roleSessionName, clientConfig: stsConfig(credentials, surroundings) })(
          identity,
        );
    }
    case 'assume-role':
      return fromRole(credentials, surroundings);
  }
}

function fromRole(role: AssumeRole, surroundings: CredentialSurroundings): CredentialProvider {
  let provider: CredentialProvider | undefined;
  const { roleArn: RoleArn, externalId: ExternalId, sessionName: RoleSessionName } = role;
  return (identity) => {
    provider ??= fromTemporaryCredentials({
      masterCredentials: credentialsOf(role.base, surroundings),
      params: { RoleArn, RoleSessionName, ...(ExternalId === undefined ? {} : { ExternalId }) },
      clientConfig: stsConfig(role, surroundings),
    });
    return provider(identity);
  };
}

function stsConfig({ stsRegion, stsEndpoint }: StsSettings, { region, handler }: CredentialSurroundings) {
  const requestHandler = handler();
  return {
    region: stsRegion ?? region,
    maxAttempts: 2,
    ...(stsEndpoint === undefined ? {} : { endpoint: stsEndpoint }),
    ...(requestHandler === undefined ? {} : { requestHandler }),
  };
}

/**
 * Reads the file again when it has changed. Credentials from a file carry no expiry, and the SDK would keep them for ever; given one
 * that has passed, it asks here before every call, which costs one `stat`.
 */
function fromCredentialsFile({ file, profile }: { readonly file: string; readonly profile: string }): CredentialProvider {
  let known: { readonly stamp: string; readonly credentials: AccessKey } | undefined;
  return async () => {
    const { ino, size, mtimeMs } = await stat(file);
    const stamp = `${ino} ${size} ${mtimeMs}`;
    if (known?.stamp !== stamp) known = { stamp, credentials: await readAccessKey(file, profile) };
    return { ...known.credentials, expiration: new Date(0) };
  };
}
