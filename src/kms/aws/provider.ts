import type { WrapContext } from '../../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { WRAP_ALGORITHMS } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { GeneratedDataKey, KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { LinkedSignal } from '../linked-signal.ts';
import type { AwsConnection, AwsKms, AwsRequest, AwsWrapped } from './aws-kms.ts';
import type { AwsSettings } from './config.ts';
import { AwsConnections } from './connections.ts';
import { failureOf, judge, keysideError } from './errors.ts';
import { describeFacts } from './key-facts.ts';
import { type AwsTarget, keyIdOfArn, targetOf } from './key-reference.ts';

/** AWS KMS: symmetric keys, bound by the encryption context `keyside:tenant`, `keyside:key` and `keyside:share`. */
export function awsProvider(): KmsProvider<AwsSettings> {
  const connections = new AwsConnections(async () => {
    const { AwsKmsOpener } = await import('./client.ts');
    return new AwsKmsOpener();
  });
  return { name: 'aws', open: (id, settings) => new AwsKey(id, settings, connections), sharedQuota: requestQuota };
}

interface Call<Reply> {
  /** The key that is asked, and whose state is asked for where AWS refuses. */
  readonly keyName: string;
  readonly context: WrapContext;
  readonly signal: AbortSignal;
  make(kms: AwsKms, request: AwsRequest): Promise<Reply>;
}

/**
 * AWS counts requests by the account that calls, in each region: a role's account, or the one that all keys with these credentials call
 * from (https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html).
 */
function requestQuota(settings: AwsSettings): string {
  const { credentials } = settings;
  const account = 'roleArn' in credentials ? credentials.roleArn.split(':')[4] : JSON.stringify(credentials);
  return `${targetOf(settings).region} ${account}`;
}

class AwsKey implements KmsKey {
  readonly provenByWrap = true;
  readonly #id: KeyConfigurationId;
  readonly #target: AwsTarget;
  readonly #connection: AwsConnection;
  readonly #connections: AwsConnections;
  readonly #closing = new AbortController();
  #kms: Promise<AwsKms> | undefined;

  constructor(id: KeyConfigurationId, settings: AwsSettings, connections: AwsConnections) {
    this.#id = id;
    this.#target = targetOf(settings);
    this.#connection = { region: this.#target.region, endpoint: settings.endpoint, credentials: settings.credentials };
    this.#connections = connections;
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    const { keyName } = this.#target;
    const make = (kms: AwsKms, request: AwsRequest): Promise<AwsWrapped> => kms.encrypt(request, dataKey);
    return this.#wrapped(await this.#call({ keyName, context, signal, make }));
  }

  async generate(context: WrapContext, signal: AbortSignal): Promise<GeneratedDataKey> {
    const { keyName } = this.#target;
    const make = (kms: AwsKms, request: AwsRequest) => kms.generateDataKey(request);
    const reply = await this.#call({ keyName, context, signal, make });
    try {
      return { dataKey: reply.dataKey, wrapped: this.#wrapped(reply) };
    } catch (error) {
      reply.dataKey.wipe();
      throw error;
    }
  }

  /** `KeyId` is always given, from the configuration: without it AWS would follow the ciphertext to any key it may use. */
  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    const keyName = this.#target.accepted.get(wrapped.keyVersion);
    if (keyName === undefined) throw ciphertextRejected('the configuration does not accept the stored AWS key');
    const make = (kms: AwsKms, request: AwsRequest) => kms.decrypt(request, wrapped.ciphertext);
    const { keyArn, dataKey } = await this.#call({ keyName, context, signal, make });
    if (keyIdOfArn(keyArn) === wrapped.keyVersion) return dataKey;
    dataKey.wipe();
    throw ciphertextRejected('another AWS key unwrapped than the one that was asked');
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    const { keyName } = this.#target;
    using ending = new LinkedSignal(signal, this.#closing.signal);
    try {
      const kms = await this.#open();
      return describeFacts(this.#id, await kms.describeKey(keyName, ending.signal));
    } catch (cause) {
      ending.signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : keysideError(this.#id, failureOf(cause), cause);
    }
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return algorithm === WRAP_ALGORITHMS.service && this.#target.accepted.has(keyVersion);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${this.#id} was closed`));
    if (this.#kms === undefined) return;
    await this.#kms.catch(() => undefined);
    await this.#connections.release(this.#connection);
  }

  async #call<Reply>(call: Call<Reply>): Promise<Reply> {
    const { keyName, context, make } = call;
    using ending = new LinkedSignal(call.signal, this.#closing.signal);
    const { signal } = ending;
    try {
      const kms = await this.#open();
      return await make(kms, { keyName, encryptionContext: encryptionContext(context), signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : await this.#refusal(cause, keyName, signal);
    }
  }

  async #open(): Promise<AwsKms> {
    this.#closing.signal.throwIfAborted();
    this.#kms ??= this.#connections.acquire(this.#connection);
    return this.#kms;
  }

  /**
   * A customer is told that its key is revoked only after AWS has confirmed the state: the same errors also mean a missing permission,
   * another region, or a key store that is slow.
   */
  async #refusal(cause: unknown, keyName: string, signal: AbortSignal): Promise<KeysideError> {
    const failure = failureOf(cause);
    if (!failure.isToConfirm) return keysideError(this.#id, failure, cause);
    try {
      const facts = await (await this.#open()).describeKey(keyName, signal);
      return keysideError(this.#id, judge(failure, cause, facts), cause);
    } catch (unconfirmed) {
      signal.throwIfAborted();
      return keysideError(this.#id, failure, new AggregateError([cause, unconfirmed], 'refused, and DescribeKey failed'));
    }
  }

  /** @throws {KeysideError} KEY_MISCONFIGURED for a key that reading would not accept: better no data than data nobody can read */
  #wrapped({ keyArn, ciphertext }: AwsWrapped): Wrapped {
    const keyVersion = keyIdOfArn(keyArn);
    if (keyVersion !== undefined && this.#target.accepted.has(keyVersion)) {
      return { algorithm: WRAP_ALGORITHMS.service, keyVersion, ciphertext };
    }
    const says = `${this.#target.keyName} leads to key ${keyVersion ?? 'of unknown id'}, which acceptedKeyIds does not list`;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: ${says}`);
  }
}

/** What AWS binds, and what the customer's CloudTrail shows (docs/format.md, section 2). */
function encryptionContext({ tenantId, configurationId, share, shareCount }: WrapContext): Readonly<Record<string, string>> {
  return { 'keyside:tenant': tenantId, 'keyside:key': configurationId, 'keyside:share': `${share}/${shareCount}` };
}
