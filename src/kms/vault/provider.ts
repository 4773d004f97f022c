import { systemClock } from '../../core/clock.ts';
import { encodeWrapContext } from '../../core/encryption-context.ts';
import { KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { WRAP_ALGORITHMS } from '../../core/providers.ts';
import type { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { LinkedSignal } from '../linked-signal.ts';
import { systemTimer, type Timer } from '../timer.ts';
import type { VaultSettings } from './config.ts';
import { VaultConnections } from './connections.ts';
import { absence, failureOf, judge, keysideError } from './errors.ts';
import { describeFacts, misfitOf } from './key-facts.ts';
import { VaultSession } from './session.ts';
import { TransitKey, type TransitWrap } from './transit.ts';
import type { VaultConnection } from './vault-server.ts';

/** A version as it is stored: 1, 2, 3, … */
const KEY_VERSION = /^[1-9][0-9]{0,8}$/;

/** HashiCorp Vault and OpenBao Transit: AEAD keys, bound by the wrap context as associated data (docs/format.md, section 2). */
export function vaultProvider(timer: Timer = systemTimer(systemClock())): KmsProvider<VaultSettings> {
  const connections = new VaultConnections(async () => {
    const { VaultHttp } = await import('./client.ts');
    return (connection) => new VaultSession(new VaultHttp(connection), connection, timer);
  });
  return {
    name: 'vault',
    open: (id, settings) => new VaultKey(id, settings, connections),
    // Rate limits are set for a server, a namespace or a mount; the server's throttling is the one that all feel.
    sharedQuota: ({ address, namespace = '' }) => `${new URL(address).origin} ${namespace}`,
  };
}

interface Call<Reply> {
  readonly signal: AbortSignal;
  /** The version that is to unwrap. */
  readonly keyVersion?: string;
  make(transit: TransitKey, signal: AbortSignal): Promise<Reply>;
}

/**
 * Has no `generate`: Vault's call for data keys takes no associated data, and ignores it without a word. One `encrypt` costs as much.
 */
class VaultKey implements KmsKey {
  readonly provenByWrap = true;
  readonly #id: KeyConfigurationId;
  readonly #settings: VaultSettings;
  readonly #connection: VaultConnection;
  readonly #connections: VaultConnections;
  readonly #closing = new AbortController();
  #transit: Promise<TransitKey> | undefined;
  /** Transit has shown it, or used it, since it was opened. */
  #wasThere = false;
  #isFit = false;
  #isBound = false;

  constructor(id: KeyConfigurationId, settings: VaultSettings, connections: VaultConnections) {
    const { address, namespace, caFile, clientCertificateFile, clientKeyFile, auth } = settings;
    this.#id = id;
    this.#settings = settings;
    this.#connection = { address, namespace, caFile, clientCertificateFile, clientKeyFile, auth };
    this.#connections = connections;
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    // A copy: it is read after a login, and by then the caller may have wiped its own.
    using copy = dataKey.copy();
    const make = async (transit: TransitKey, ending: AbortSignal): Promise<Wrapped> => {
      await this.#checkKind(transit, ending);
      const wrap = await transit.encrypt(copy, encodeWrapContext(context), ending);
      await this.#checkBinding(transit, wrap, ending);
      return { algorithm: WRAP_ALGORITHMS.service, ...wrap };
    };
    return await this.#call({ signal, make });
  }

  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    const make = (transit: TransitKey, ending: AbortSignal): Promise<SecretBytes> =>
      transit.decrypt(wrapped, encodeWrapContext(context), ending);
    return this.#call({ signal, keyVersion: wrapped.keyVersion, make });
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    const make = async (transit: TransitKey, ending: AbortSignal): Promise<KeyDescription> => {
      const facts = await transit.read(ending);
      if (facts === undefined) {
        if (this.#wasThere) return { state: 'destroyed', detail: `${this.#name()} was there and is gone` };
        throw keysideError(this.#id, absence(false), undefined);
      }
      const misfit = misfitOf(facts);
      if (misfit !== undefined) throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: it ${misfit}`);
      const { state, detail } = describeFacts(facts);
      return { state, detail: `${this.#name()} is ${detail}` };
    };
    try {
      return await this.#call({ signal, make });
    } catch (error) {
      if (error instanceof KeysideError && error.reason === 'KEY_REVOKED') return { state: 'disabled', detail: error.message };
      throw error;
    }
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return (
      algorithm === WRAP_ALGORITHMS.service && KEY_VERSION.test(keyVersion) && Number(keyVersion) >= this.#settings.minVersion
    );
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${this.#id} was closed`));
    if (this.#transit === undefined) return;
    await this.#transit.catch(() => undefined);
    this.#connections.release(this.#connection);
  }

  async #call<Reply>({ signal: asked, keyVersion, make }: Call<Reply>): Promise<Reply> {
    using ending = new LinkedSignal(asked, this.#closing.signal);
    const { signal } = ending;
    try {
      signal.throwIfAborted();
      const reply = await make(await this.#open(), signal);
      this.#wasThere = true;
      return reply;
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : await this.#refusal(cause, keyVersion, signal);
    }
  }

  async #open(): Promise<TransitKey> {
    this.#transit ??= this.#connections.acquire(this.#connection).then((session) => new TransitKey(session, this.#settings));
    return this.#transit;
  }

  /**
   * Precondition of the first wrap: the key was read and is of a kind that binds associated data. So no data key is sent to something
   * else that happens to be mounted there: a key-value engine would take it and keep it.
   */
  async #checkKind(transit: TransitKey, signal: AbortSignal): Promise<void> {
    if (this.#isFit) return;
    const facts = await transit.read(signal);
    if (facts === undefined) throw keysideError(this.#id, absence(this.#wasThere), undefined);
    const misfit = misfitOf(facts);
    if (misfit !== undefined) throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: it ${misfit}`);
    this.#wasThere = true;
    this.#isFit = true;
  }

  /**
   * Postcondition of the first wrap: it does not open without its context. Vault before 1.13 does not know associated data, ignores it
   * without a word, and would bind nothing.
   */
  async #checkBinding(transit: TransitKey, wrap: TransitWrap, signal: AbortSignal): Promise<void> {
    if (this.#isBound) return;
    try {
      (await transit.decrypt(wrap, undefined, signal)).wipe();
    } catch (error) {
      if (failureOf(error).reason !== 'CIPHERTEXT_REJECTED') throw error;
      this.#isBound = true;
      return;
    }
    const says = 'the server does not bind associated data; Vault 1.13 or OpenBao is needed';
    throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: ${says}`);
  }

  /** A customer is told that its key is revoked only after Transit has shown its state: a 403 also means a policy that lacks a line. */
  async #refusal(cause: unknown, keyVersion: string | undefined, signal: AbortSignal): Promise<KeysideError> {
    const failure = failureOf(cause);
    if (!failure.isToConfirm) return keysideError(this.#id, failure, cause);
    try {
      const facts = await (await this.#open()).read(signal);
      return keysideError(this.#id, judge(failure, { facts, wasThere: this.#wasThere, keyVersion }), cause);
    } catch (unconfirmed) {
      signal.throwIfAborted();
      return keysideError(this.#id, failure, new AggregateError([cause, unconfirmed], 'refused, and reading the key failed'));
    }
  }

  #name(): string {
    const { namespace, mount, keyName } = this.#settings;
    return [...(namespace === undefined ? [] : [namespace]), mount, keyName].join('/');
  }
}
