import { encodeWrapContext, type WrapContext } from '../../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { WRAP_ALGORITHMS } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { LinkedSignal } from '../linked-signal.ts';
import type { GcpSettings } from './config.ts';
import { GcpConnections } from './connections.ts';
import { failureOf, type GcpOperation, judge, keysideError } from './errors.ts';
import type { GcpConnection, GcpKms } from './gcp-kms.ts';
import { describeFacts } from './key-facts.ts';
import { isVersion, versionName, versionOf } from './key-name.ts';

/** Google Cloud KMS: symmetric keys in software, HSM or an external key manager, bound by additional authenticated data. */
export function gcpProvider(): KmsProvider<GcpSettings> {
  const connections = new GcpConnections(async () => {
    const { GcpKmsOpener } = await import('./client.ts');
    return new GcpKmsOpener();
  });
  return {
    name: 'gcp',
    open: (id, settings) => new GcpKey(id, settings, connections),
    // Google counts requests by project and location; which project it charges follows from the credentials.
    sharedQuota: ({ keyName, credentials }) => `${keyName.split('/')[3]} ${JSON.stringify(credentials)}`,
  };
}

interface Call<Reply> {
  readonly operation: GcpOperation;
  /** What the data says which version wrapped it; undefined where the primary one is used. */
  readonly version?: string;
  readonly signal: AbortSignal;
  make(kms: GcpKms, signal: AbortSignal): Promise<Reply>;
}

/** Has no `generate`: Google's service makes random bytes, but no data keys. */
class GcpKey implements KmsKey {
  readonly provenByWrap = true;
  readonly #id: KeyConfigurationId;
  readonly #keyName: string;
  readonly #acceptedVersions: ReadonlySet<string> | undefined;
  readonly #connection: GcpConnection;
  readonly #connections: GcpConnections;
  readonly #closing = new AbortController();
  #kms: Promise<GcpKms> | undefined;

  constructor(id: KeyConfigurationId, settings: GcpSettings, connections: GcpConnections) {
    this.#id = id;
    this.#keyName = settings.keyName;
    this.#acceptedVersions = settings.acceptedVersions && new Set(settings.acceptedVersions.map(String));
    this.#connection = { endpoint: settings.endpoint, credentials: settings.credentials };
    this.#connections = connections;
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    const make = (kms: GcpKms, signal: AbortSignal) => kms.encrypt(this.#request(context, signal), dataKey);
    const reply = await this.#call({ operation: 'encrypt', signal, make });
    const keyVersion = versionOf(reply.versionName, this.#keyName);
    if (keyVersion === undefined) {
      throw new KeysideError('KMS_UNAVAILABLE', `key ${this.#id}: Google Cloud KMS answered for another key than the one asked`);
    }
    return { algorithm: WRAP_ALGORITHMS.service, keyVersion, ciphertext: reply.ciphertext };
  }

  /** Google finds the version in the ciphertext and does not say which: the stored one is asked about where Google refuses. */
  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    if (!this.accepts(wrapped)) throw ciphertextRejected('the configuration does not accept the stored key version');
    const make = (kms: GcpKms, signal: AbortSignal) => kms.decrypt(this.#request(context, signal), wrapped.ciphertext);
    return this.#call({ operation: 'decrypt', version: wrapped.keyVersion, signal, make });
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    using ending = new LinkedSignal(signal, this.#closing.signal);
    try {
      const kms = await this.#open();
      return describeFacts(this.#id, await kms.getKey(this.#keyName, ending.signal));
    } catch (cause) {
      ending.signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : keysideError(this.#id, failureOf(cause, 'describe'), cause);
    }
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    if (algorithm !== WRAP_ALGORITHMS.service || !isVersion(keyVersion)) return false;
    return this.#acceptedVersions?.has(keyVersion) ?? true;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${this.#id} was closed`));
    const isOpen = await this.#kms?.then(
      () => true,
      () => false,
    );
    if (isOpen === true) await this.#connections.release(this.#connection);
  }

  #request(context: WrapContext, signal: AbortSignal) {
    return { keyName: this.#keyName, additionalData: encodeWrapContext(context), signal };
  }

  async #call<Reply>(call: Call<Reply>): Promise<Reply> {
    using ending = new LinkedSignal(call.signal, this.#closing.signal);
    const { signal } = ending;
    try {
      signal.throwIfAborted();
      return await call.make(await this.#open(), signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : await this.#refusal(cause, call, signal);
    }
  }

  /** A failure to open is not kept. */
  async #open(): Promise<GcpKms> {
    this.#closing.signal.throwIfAborted();
    this.#kms ??= this.#connections.acquire(this.#connection).catch((error: unknown) => {
      this.#kms = undefined;
      throw error;
    });
    return this.#kms;
  }

  /**
   * A customer is told that its key is revoked only after Google has confirmed the state: FAILED_PRECONDITION also means an external
   * key manager that is slow. Whoever revokes in haste takes the permission too, since that takes effect at once.
   */
  async #refusal(cause: unknown, call: Pick<Call<unknown>, 'operation' | 'version'>, signal: AbortSignal): Promise<KeysideError> {
    const failure = failureOf(cause, call.operation);
    if (!failure.isToConfirm) return keysideError(this.#id, failure, cause);
    try {
      const kms = await this.#open();
      const [key, stored] = await Promise.all([
        kms.getKey(this.#keyName, signal),
        call.version === undefined ? undefined : kms.getVersion(versionName(this.#keyName, call.version), signal),
      ]);
      return keysideError(this.#id, judge(failure, { key, version: stored ?? key.primary }), cause);
    } catch (unconfirmed) {
      signal.throwIfAborted();
      const says = 'refused, and asking for the state of key and version failed';
      return keysideError(this.#id, failure, new AggregateError([cause, unconfirmed], says));
    }
  }
}
