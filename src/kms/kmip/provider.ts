import { randomFillSync } from 'node:crypto';
import { encodeWrapContext } from '../../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { DATA_KEY_BYTES, WRAP_ALGORITHMS } from '../../core/providers.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import type { KeyDescription, KmsKey, KmsProvider, UnwrapRequest, Wrapped, WrapRequest } from '../kms.ts';
import { LinkedSignal } from '../linked-signal.ts';
import type { KmipServer, KmipServerOptions, Outcome } from './client.ts';
import type { KmipSettings } from './config.ts';
import { failureOf, keysideError } from './errors.ts';
import { assertActive, checkUsage, describeFacts } from './key-facts.ts';
import type { KmipOperation } from './messages.ts';
import {
  type DecryptInput,
  decryptOperation,
  type EncryptInput,
  encryptOperation,
  factsOperation,
  type KmipEncrypted,
  type KmipKeyFacts,
  locateOperation,
} from './operations.ts';
import type { KmipCall } from './pool.ts';
import { KmipServers } from './servers.ts';
import { CALLER_IV_BYTES, joinWrap, splitWrap } from './wrapping.ts';

/** KMIP 1.4 servers: AES-256-GCM inside the server, the wrap context as Authenticated Encryption Additional Data. */
export function kmipProvider(): KmsProvider<KmipSettings> {
  const servers = new KmipServers();
  return {
    name: 'kmip',
    open: (id, settings) => new KmipKey(id, settings, servers),
    sharedQuota: ({ host, port }) => `${host}:${port}`,
  };
}

/** A use of the key: what to ask for, and which bit of the usage mask it needs. */
interface Use<Reply> {
  readonly usage: 'encrypt' | 'decrypt';
  operation(uniqueIdentifier: string): KmipOperation<Reply>;
}

/** Asks the key's state with every use of it: a KMIP server may decrypt under a deactivated key, and the customer's will is to count at once. */
class KmipKey implements KmsKey {
  readonly provenByWrap = true;
  readonly #id: KeyConfigurationId;
  readonly #settings: KmipSettings;
  readonly #options: KmipServerOptions;
  readonly #servers: KmipServers;
  readonly #closing = new AbortController();
  #server: KmipServer | undefined;
  /** What the configured name leads to; looked up again once the key is not there or not enabled. */
  #located: string | undefined;

  constructor(id: KeyConfigurationId, settings: KmipSettings, servers: KmipServers) {
    this.#id = id;
    this.#settings = settings;
    this.#options = { target: settings, connections: settings.connections };
    this.#servers = servers;
  }

  async wrap({ dataKey, context }: WrapRequest, signal: AbortSignal): Promise<Wrapped> {
    // A copy: it is sent once a connection is free, and by then the caller may have given up and wiped its own.
    using plaintext = dataKey.copy();
    const additionalData = encodeWrapContext(context);
    const ciphertext = await this.#call(signal, (call) => this.#encrypt({ plaintext, additionalData }, call));
    return { algorithm: WRAP_ALGORITHMS.service, keyVersion: '', ciphertext };
  }

  async unwrap({ wrapped, context }: UnwrapRequest, signal: AbortSignal): Promise<SecretBytes> {
    const parts = splitWrap(wrapped.ciphertext);
    if (parts === undefined) throw ciphertextRejected(`a wrap of ${wrapped.ciphertext.length} bytes`);
    const additionalData = encodeWrapContext(context);
    return this.#call(signal, (call) => this.#decrypt({ ...parts, additionalData }, call));
  }

  async describe(signal: AbortSignal): Promise<KeyDescription> {
    return this.#call(signal, async (call) => {
      const server = this.#open();
      const uniqueIdentifier = await this.#uniqueIdentifier(server, call);
      const description = describeFacts(this.#id, await server.ask(factsOperation(uniqueIdentifier), call));
      if (description.state !== 'enabled') this.#located = undefined;
      return description;
    });
  }

  accepts({ algorithm, keyVersion }: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return algorithm === WRAP_ALGORITHMS.service && keyVersion === '';
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${this.#id} was closed`));
    if (this.#server !== undefined) this.#servers.release(this.#options);
  }

  /** Every call goes through here: it ends with the caller or with `close`, and what it throws becomes a reason. */
  async #call<Result>(caller: AbortSignal, work: (call: KmipCall) => Promise<Result>): Promise<Result> {
    using joined = new LinkedSignal(caller, this.#closing.signal);
    const { signal } = joined;
    try {
      signal.throwIfAborted();
      return await work({ signal, lane: this.#id });
    } catch (cause) {
      signal.throwIfAborted();
      const error = cause instanceof KeysideError ? cause : keysideError(this.#id, failureOf(cause), cause);
      if (error.reason === 'KEY_NOT_FOUND' || error.reason === 'KEY_REVOKED') this.#located = undefined;
      throw error;
    }
  }

  #open(): KmipServer {
    this.#server ??= this.#servers.acquire(this.#options);
    return this.#server;
  }

  async #encrypt(input: Omit<EncryptInput, 'iv'>, call: KmipCall): Promise<Uint8Array> {
    const isOurs = this.#settings.ivSource === 'caller';
    const iv = isOurs ? randomFillSync(new Uint8Array(CALLER_IV_BYTES)) : undefined;
    const use: Use<KmipEncrypted> = { usage: 'encrypt', operation: (uid) => encryptOperation(uid, { ...input, iv }) };
    const outcome = await this.#use(use, call);
    if ('refusal' in outcome) throw outcome.refusal;
    return joinWrap(this.#id, outcome.reply, iv);
  }

  /**
   * Where the server does not say whether the ciphertext is at fault: it is, if it fails twice while a sound wrap opens in between.
   * Anything less may be the server's fault and is reported as it came.
   */
  async #decrypt(input: DecryptInput, call: KmipCall): Promise<SecretBytes> {
    const use: Use<SecretBytes> = { usage: 'decrypt', operation: (uid) => decryptOperation(uid, input) };
    const first = await this.#use(use, call);
    if ('reply' in first) return first.reply;
    const says = failureOf(first.refusal).ofDecrypt;
    if (says === 'rejected') throw ciphertextRejected(first.refusal.message);
    if (says === undefined || !(await this.#isSound(input.additionalData, call))) throw first.refusal;
    const second = await this.#use(use, call);
    if ('reply' in second) return second.reply;
    if (failureOf(second.refusal).ofDecrypt === undefined) throw second.refusal;
    throw ciphertextRejected('the KMIP server opens another wrap of this key and not this one');
  }

  /**
   * Whether the key opens a wrap that was made this moment. Servers that have no words for a bad ciphertext report a fault of their
   * own, and a fault of the server's must not be taken for bad data, nor bad data for weather.
   */
  async #isSound(additionalData: Uint8Array, call: KmipCall): Promise<boolean> {
    using plaintext = SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
    try {
      const parts = splitWrap(await this.#encrypt({ plaintext, additionalData }, call));
      if (parts === undefined) return false;
      const operation = (uid: string): KmipOperation<SecretBytes> => decryptOperation(uid, { ...parts, additionalData });
      const outcome = await this.#use({ usage: 'decrypt', operation }, call);
      if ('refusal' in outcome) return false;
      using opened = outcome.reply;
      return opened.equals(plaintext);
    } catch {
      call.signal.throwIfAborted();
      return false; // whatever hinders the trial, the refusal is reported as it came
    }
  }

  /**
   * The key's use, once its state was found to be Active. Where the server refuses to use an Active key, the usage mask may say why.
   * @throws {KeysideError} KEY_REVOKED, KEY_MISCONFIGURED, KEY_ACCESS_DENIED as `assertActive` and `checkUsage`
   */
  async #use<Reply>({ usage, operation }: Use<Reply>, call: KmipCall): Promise<Outcome<Reply>> {
    const server = this.#open();
    const uniqueIdentifier = await this.#uniqueIdentifier(server, call);
    const pair = {
      first: factsOperation(uniqueIdentifier),
      check: (facts: KmipKeyFacts): void => assertActive(this.#id, facts),
      second: operation(uniqueIdentifier),
      isBatched: this.#settings.batching,
    };
    const [facts, outcome] = await server.askBoth(pair, call);
    if ('refusal' in outcome) checkUsage(this.#id, facts, usage);
    return outcome;
  }

  /** @throws {KeysideError} KEY_NOT_FOUND and KEY_MISCONFIGURED where the configured name is no key's, or that of several */
  async #uniqueIdentifier(server: KmipServer, call: KmipCall): Promise<string> {
    const { uniqueIdentifier, name = '' } = this.#settings.key;
    const known = uniqueIdentifier ?? this.#located;
    if (known !== undefined) return known;
    const [found, another] = await server.ask(locateOperation(name), call);
    if (found === undefined) throw new KeysideError('KEY_NOT_FOUND', `key ${this.#id}: its KMIP server shows no key of its name`);
    if (another !== undefined) {
      throw new KeysideError('KEY_MISCONFIGURED', `key ${this.#id}: several keys of its KMIP server bear its name`);
    }
    this.#located = found;
    return found;
  }
}
