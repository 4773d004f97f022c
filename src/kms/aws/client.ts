import { DecryptCommand, DescribeKeyCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { credentialsOf } from '../../aws/credentials.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import type { AwsConnection, AwsKeyFacts, AwsKms, AwsRequest, AwsWrapped } from './aws-kms.ts';

type Handler = KMSClient['config']['requestHandler'];

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
