import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { encodeWrapContext, type WrapContext } from '../../src/core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../../src/core/errors.ts';
import { DATA_KEY_BYTES, WRAP_ALGORITHMS } from '../../src/core/providers.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import type { GeneratedDataKey, KeyDescription, KmsKey, UnwrapRequest, Wrapped, WrapRequest } from '../../src/kms/kms.ts';

/**
 * What one call meets instead of an answer: the KMS throttles (with or without a time to wait), cannot be reached, refuses, does not
 * answer until it is aborted, answers only when `answerLate` is called and heeds no abort, answers with so many bytes, wraps to
 * nothing or to too much, wraps under a version that nobody accepts, or throws what a provider should not.
 */
export type FakeFault =
  | { readonly kind: 'throttled'; readonly retryAfterMs?: number }
  | { readonly kind: 'unreachable' | 'denied' | 'hangs' | 'deaf' | 'foreign-version' }
  | { readonly kind: 'garbage'; readonly bytes: number }
  | { readonly kind: 'wrap-size'; readonly bytes: number }
  | { readonly kind: 'throws'; readonly error: unknown };

export interface FakeCall {
  readonly operation: 'wrap' | 'unwrap' | 'generate' | 'describe';
  readonly key: string;
}

interface StoredKey {
  state: 'enabled' | 'disabled';
  readonly versions: Buffer[];
}

interface OpenOptions {
  /** False: the service has no call that makes data keys. Default true. */
  readonly generates?: boolean;
}

/** A KMS in memory that does what it is told: counts calls, follows a script of faults, and fails loudly on what it does not model. */
export class FakeKms {
  readonly calls: FakeCall[] = [];
  /** Every secret it gave out, to see who wiped it. */
  readonly givenOut: SecretBytes[] = [];
  readonly #keys = new Map<string, StoredKey>();
  readonly #script: FakeFault[] = [];
  readonly #late: (() => void)[] = [];
  /** Calls that are being answered now, and the most there ever were. */
  running = 0;
  mostRunning = 0;

  createKey(name: string): void {
    this.#keys.set(name, { state: 'enabled', versions: [randomBytes(32)] });
  }

  disable(name: string): void {
    this.#stored(name).state = 'disabled';
  }

  enable(name: string): void {
    this.#stored(name).state = 'enabled';
  }

  rotate(name: string): void {
    this.#stored(name).versions.push(randomBytes(32));
  }

  remove(name: string): void {
    if (!this.#keys.delete(name)) throw new Error(`the fake KMS has no key ${name}`);
  }

  /** The next calls meet these faults, one each; later ones are answered. */
  script(...faults: readonly FakeFault[]): void {
    this.#script.push(...faults);
  }

  /** Faults that no call has met yet. */
  get unmet(): number {
    return this.#script.length;
  }

  /** Resolves once there have been so many calls. */
  async reached(count: number): Promise<void> {
    while (this.calls.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets all `deaf` calls answer now. */
  answerLate(): void {
    for (const answer of this.#late.splice(0)) answer();
  }

  open(name: string, { generates = true }: OpenOptions = {}): KmsKey {
    let isClosed = false;
    const call = async <T>(
      operation: FakeCall['operation'],
      signal: AbortSignal,
      answer: (fault?: FakeFault) => T,
    ): Promise<T> => {
      if (isClosed) throw new KeysideError('KMS_UNAVAILABLE', `key ${name} was closed`);
      return this.#call({ operation, key: name }, signal, answer);
    };
    const key: KmsKey = {
      provenByWrap: true,
      wrap: ({ dataKey, context }, signal) => call('wrap', signal, (fault) => this.#wrap(name, { dataKey, context }, fault)),
      unwrap: (request, signal) => call('unwrap', signal, (fault) => this.#unwrap(name, request, fault)),
      describe: (signal) => call('describe', signal, () => this.#describe(name)),
      accepts: ({ algorithm, keyVersion }) => algorithm === WRAP_ALGORITHMS.service && /^[1-9][0-9]{0,3}$/.test(keyVersion),
      close: async () => {
        isClosed = true;
      },
    };
    if (!generates) return key;
    return { ...key, generate: (context, signal) => call('generate', signal, (fault) => this.#generate(name, context, fault)) };
  }

  async #call<T>(call: FakeCall, signal: AbortSignal, answer: (fault?: FakeFault) => T): Promise<T> {
    this.calls.push(call);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await new Promise((resolve) => setImmediate(resolve)); // no real KMS answers at once
      return answer(await this.#fault(signal));
    } finally {
      this.running -= 1;
    }
  }

  async #fault(signal: AbortSignal): Promise<FakeFault | undefined> {
    const fault = this.#script.shift();
    switch (fault?.kind) {
      case 'throttled':
        throw new KeysideError('KMS_THROTTLED', 'the fake KMS throttles', {
          ...(fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs }),
        });
      case 'unreachable':
        throw new KeysideError('KMS_UNAVAILABLE', 'the fake KMS cannot be reached');
      case 'denied':
        throw new KeysideError('KEY_ACCESS_DENIED', 'the fake KMS refuses');
      case 'throws':
        throw fault.error;
      case 'hangs':
        signal.throwIfAborted();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
      case 'deaf':
        await new Promise<void>((resolve) => this.#late.push(resolve));
        return undefined;
      case 'garbage':
      case 'wrap-size':
      case 'foreign-version':
      case undefined:
        return fault;
      default:
        throw new Error(`the fake KMS does not model ${JSON.stringify(fault)}`);
    }
  }

  #wrap(name: string, { dataKey, context }: WrapRequest, fault?: FakeFault): Wrapped {
    if (dataKey.length !== DATA_KEY_BYTES) throw new Error(`the fake KMS wraps 32 bytes, not ${dataKey.length}`);
    const { versions } = this.#enabled(name);
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', versions[versions.length - 1] as Buffer, iv).setAAD(encodeWrapContext(context));
    const sealed = Buffer.concat([iv, cipher.update(dataKey.expose()), cipher.final(), cipher.getAuthTag()]);
    const keyVersion = fault?.kind === 'foreign-version' ? 'somebody-elses' : String(versions.length);
    const ciphertext = fault?.kind === 'wrap-size' ? new Uint8Array(fault.bytes) : new Uint8Array(sealed);
    return { algorithm: WRAP_ALGORITHMS.service, keyVersion, ciphertext };
  }

  #unwrap(name: string, { wrapped, context }: UnwrapRequest, fault?: FakeFault): SecretBytes {
    const key = this.#enabled(name).versions[Number(wrapped.keyVersion) - 1];
    if (key === undefined) throw ciphertextRejected('no such version');
    const { ciphertext } = wrapped;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, ciphertext.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(encodeWrapContext(context)).setAuthTag(ciphertext.subarray(-16));
      const dataKey = new Uint8Array(Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()]));
      return this.#give(fault?.kind === 'garbage' ? new Uint8Array(fault.bytes) : dataKey);
    } catch {
      throw ciphertextRejected('bad tag');
    }
  }

  #generate(name: string, context: WrapContext, fault?: FakeFault): GeneratedDataKey {
    using whole = SecretBytes.own(new Uint8Array(randomBytes(DATA_KEY_BYTES)));
    const wrapped = this.#wrap(name, { dataKey: whole, context }, fault);
    return { dataKey: this.#give(fault?.kind === 'garbage' ? new Uint8Array(fault.bytes) : whole.expose().slice()), wrapped };
  }

  #describe(name: string): KeyDescription {
    const { state, versions } = this.#stored(name);
    return { state, detail: `fake key ${name}, ${state}, ${versions.length} versions` };
  }

  #give(bytes: Uint8Array): SecretBytes {
    const secret = SecretBytes.own(bytes);
    this.givenOut.push(secret);
    return secret;
  }

  #enabled(name: string): StoredKey {
    const stored = this.#stored(name);
    if (stored.state === 'enabled') return stored;
    throw new KeysideError('KEY_REVOKED', `key ${name} is disabled in the fake KMS`, { details: { scope: 'key' } });
  }

  #stored(name: string): StoredKey {
    const stored = this.#keys.get(name);
    if (stored === undefined) throw new KeysideError('KEY_NOT_FOUND', `the fake KMS has no key ${name}`);
    return stored;
  }
}
