import { grpc } from 'google-gax';
import { failure, GcpStub, type StubAnswer, type StubRequest } from '../unit/kms/gcp/gcp-stub.ts';
import type { GcpAccount } from './gcp-account.ts';

const RPCS = {
  encrypt: 'Encrypt',
  decrypt: 'Decrypt',
  getCryptoKey: 'GetCryptoKey',
  getCryptoKeyVersion: 'GetCryptoKeyVersion',
} as const;

/** What a front answers by itself; undefined hands the call on. */
export type Script = (request: StubRequest) => StubAnswer | undefined;

/**
 * Stands before the emulator, counts calls and hands them on, requests and replies as they are. Where the emulator refuses with
 * INTERNAL, it answers with the status that Google documents: FAILED_PRECONDITION for a version that is not enabled,
 * INVALID_ARGUMENT for a ciphertext that does not open. The emulator tries every version in turn; which one wrapped a ciphertext,
 * that Google reads from it, is remembered here.
 */
export class GcpFront {
  readonly #account: GcpAccount;
  readonly #script: Script;
  readonly #wrappedBy = new Map<string, string>();
  #stub: GcpStub | undefined;

  private constructor(account: GcpAccount, script: Script) {
    this.#account = account;
    this.#script = script;
  }

  static async start(account: GcpAccount, script: Script = () => undefined): Promise<GcpFront> {
    const front = new GcpFront(account, script);
    front.#stub = await GcpStub.start((request) => front.#script(request) ?? front.#handOn(request));
    return front;
  }

  get stub(): GcpStub {
    if (this.#stub === undefined) throw new Error('the front was not started');
    return this.#stub;
  }

  async #handOn({ method, request }: StubRequest): Promise<StubAnswer> {
    try {
      const reply = await this.#account.call(RPCS[method], request);
      if (method === 'encrypt') this.#wrappedBy.set(bytesOf(reply.ciphertext), String(reply.name));
      return { reply };
    } catch (error) {
      const { code, details } = error as grpc.ServiceError;
      if (code !== grpc.status.INTERNAL) return failure(grpc.status[code] as keyof typeof grpc.status, details);
      return (await this.#refused(method, request, details)) ?? failure('INTERNAL', details);
    }
  }

  async #refused(method: string, request: StubRequest['request'], details: string): Promise<StubAnswer | undefined> {
    if (method === 'encrypt' && details === 'primary version is not enabled') {
      const { primary } = await this.#account.call('GetCryptoKey', { name: request.name });
      return notEnabled(String((primary as { readonly name: string }).name), 'DISABLED');
    }
    if (method !== 'decrypt' || details !== 'failed to decrypt with any key version') return undefined;
    const version = this.#wrappedBy.get(bytesOf(request.ciphertext));
    const state = version === undefined ? 'ENABLED' : await this.#account.stateOf(version);
    if (version !== undefined && state !== 'ENABLED') return notEnabled(version, state);
    return failure('INVALID_ARGUMENT', "Decryption failed: verify that 'name' refers to the correct CryptoKey.");
  }
}

function notEnabled(version: string, state: string): StubAnswer {
  return failure('FAILED_PRECONDITION', `${version} is not enabled, current state is: ${state}.`, {
    violations: ['KEY_DISABLED'],
  });
}

function bytesOf(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('base64');
}
