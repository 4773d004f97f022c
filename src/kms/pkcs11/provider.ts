import { encodeWrapContext, type WrapContext } from '../../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { LinkedSignal } from '../linked-signal.ts';
import { KWP_PAYLOAD, type Payload, rsaPayload } from '../payload.ts';
import type { Timer } from '../timer.ts';
import type { Pkcs11Settings } from './config.ts';
import { describeFacts } from './key-facts.ts';
import type { Method } from './messages.ts';
import type { Outcome } from './module-link.ts';
import { type Lease, ModulePool } from './module-pool.ts';
import { type Pkcs11Target, targetOf } from './target.ts';

/** Modules have no versions of a key; rotation is a configuration of its own (docs/providers/pkcs11.md). */
const NO_VERSION = '';

interface Pkcs11Tools {
  readonly timer: Timer;
  /** Secrets of the deployment that RSA wraps are sealed with (docs/format.md, section 3). The first seals. */
  readonly originKeys?: readonly SecretBytes[] | undefined;
}

/** HSMs through their vendors' PKCS#11 modules, each of which runs in a process of its own. */
export function pkcs11Provider({ timer, originKeys = [] }: Pkcs11Tools): KmsProvider<Pkcs11Settings> {
  const modules = new ModulePool(timer);
  return { name: 'pkcs11', open: (id, settings) => new Pkcs11Key({ id, settings, modules, originKeys }) };
}

interface KeyOptions {
  readonly id: KeyConfigurationId;
  readonly settings: Pkcs11Settings;
  readonly modules: ModulePool;
  readonly originKeys: readonly SecretBytes[];
}

interface Call {
  readonly op: 'seal' | 'open' | 'describe';
  readonly method: Method;
  readonly context?: WrapContext;
  /** Stays the caller's. */
  readonly body: SecretBytes;
}

class Pkcs11Key implements KmsKey {
  readonly provenByWrap: boolean;
  /** A module's sessions are few and slow: a second call would only wait behind the first. */
  readonly isUnwrapHedged = false;
  readonly #id: KeyConfigurationId;
  readonly #target: Pkcs11Target;
  readonly #hangAfterMs: number;
  readonly #originKeys: readonly SecretBytes[];
  readonly #closing = new AbortController();
  readonly #lease: Lease;

  constructor({ id, settings, modules, originKeys }: KeyOptions) {
    this.#id = id;
    this.#target = targetOf(settings);
    this.#hangAfterMs = settings.hangAfterMs;
    this.#originKeys = originKeys;
    this.#lease = modules.acquire(settings, this.#target.token);
    this.provenByWrap = settings.keyClass === 'secret';
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    const { algorithm, methods } = this.#target;
    const method = methods.get(algorithm) as Method;
    using body = this.#payloadOf(method)?.seal(dataKey, context) ?? dataKey.copy();
    const { body: ciphertext } = await this.#ask({ op: 'seal', method, context, body }, signal);
    return { algorithm, keyVersion: NO_VERSION, ciphertext };
  }

  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    const method = this.#target.methods.get(wrapped.algorithm);
    if (method === undefined) throw ciphertextRejected('the configuration does not accept the stored algorithm');
    const payload = this.#payloadOf(method);
    using body = SecretBytes.copyOf(wrapped.ciphertext);
    const opened = SecretBytes.own((await this.#ask({ op: 'open', method, context, body }, signal)).body);
    if (payload === undefined) return opened;
    using wiped = opened;
    return payload.open(wiped.expose(), context);
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    const { algorithm, methods, key } = this.#target;
    const method = methods.get(algorithm) as Method;
    using body = SecretBytes.own(new Uint8Array(0));
    const { reply } = await this.#ask({ op: 'describe', method, body }, signal);
    if (reply.ok && reply.facts !== undefined) return describeFacts(key, method, reply.facts);
    throw new KeysideError('KMS_UNAVAILABLE', `key ${this.#id}: the process of its PKCS#11 module described nothing`);
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return keyVersion === NO_VERSION && this.#target.methods.has(algorithm);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${this.#id} was closed`));
    this.#lease.release();
  }

  async #ask({ op, method, context, body }: Call, signal: AbortSignal): Promise<Outcome> {
    using ending = new LinkedSignal(signal, this.#closing.signal);
    ending.signal.throwIfAborted();
    const aad = method.name === 'aes-gcm' && context !== undefined ? encodeWrapContext(context) : undefined;
    const request = {
      op,
      method,
      key: this.#target.key,
      aad: aad === undefined ? undefined : Buffer.from(aad).toString('base64'),
    };
    return await this.#lease.access.ask({ id: this.#id, request, body, hangAfterMs: this.#hangAfterMs }, ending.signal);
  }

  /** What stands for the context where the mechanism binds none; undefined for AES-GCM, which binds it itself. */
  #payloadOf(method: Method): Payload | undefined {
    if (method.name === 'aes-gcm') return undefined;
    if (method.name === 'aes-kwp') return KWP_PAYLOAD;
    if (this.#originKeys.length > 0) return rsaPayload(this.#originKeys);
    const says = 'RSA keys need an origin key, since anyone can wrap with a public one: configure originKeyFiles';
    throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: ${says}`);
  }
}
