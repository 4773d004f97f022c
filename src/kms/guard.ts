import { randomFillSync } from 'node:crypto';
import type { WrapContext } from '../core/encryption-context.ts';
import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import { DATA_KEY_BYTES, type ProviderName } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import type { GuardedKey, KmsCallScope } from './guarded-key.ts';
import type { GeneratedDataKey, KeyDescription, KmsKey, UnwrapRequest, Wrapped, WrapRequest } from './kms.ts';
import { type Operation, OperationRunner, type RunnerLimits, type RunnerTools } from './operation-runner.ts';
import { checkGenerated, checkUnwrapped, checkWrapped } from './reply-checks.ts';
import type { SharedQuota } from './shared-quota.ts';

export type GuardLimits = RunnerLimits;
export type GuardTools = RunnerTools;

export const DEFAULT_GUARD_LIMITS: GuardLimits = {
  maxConcurrent: 32,
  maxQueued: 256,
  maxAttempts: 3,
  firstPauseMs: 100,
  maxPauseMs: 2_000,
  operationMs: 10_000,
  attemptMs: 3_000,
  failuresToOpen: 5,
  openMs: 5_000,
};

/** A key to guard, and what to call it in messages, spans and metrics. */
export interface GuardSubject {
  readonly id: string;
  readonly provider: ProviderName;
  readonly key: KmsKey;
  /** What the key uses up together with others; absent where nothing is known of such a limit. */
  readonly quota?: SharedQuota | undefined;
}

const nothing = (): void => undefined;

/** Stands between the daemon and one key of any provider; distrusts it. */
export class Guard implements GuardedKey {
  readonly #subject: GuardSubject;
  readonly #runner: OperationRunner;
  #running = 0;
  #isRetired = false;
  #closing: Promise<void> | undefined;

  constructor(subject: GuardSubject, tools: GuardTools, limits: GuardLimits = DEFAULT_GUARD_LIMITS) {
    this.#subject = subject;
    this.#runner = new OperationRunner(subject, tools, limits);
  }

  get provenByWrap(): boolean {
    return this.#subject.key.provenByWrap;
  }

  get provider(): ProviderName {
    return this.#subject.provider;
  }

  /** Whether calls end without asking the KMS, but for those that look whether it is back. */
  get isBreakerOpen(): boolean {
    return this.#runner.isBreakerOpen;
  }

  accepts(wrapped: Pick<Wrapped, 'algorithm' | 'keyVersion'>): boolean {
    return this.#subject.key.accepts(wrapped);
  }

  async wrap(request: WrapRequest, scope: KmsCallScope): Promise<Wrapped> {
    const operation: Operation<Wrapped> = {
      name: 'wrap',
      context: request.context,
      call: (signal) => this.#subject.key.wrap(request, signal),
      check: (wrapped) => checkWrapped(wrapped, this.#subject),
      keyVersionOf: ({ keyVersion }) => keyVersion,
      discard: nothing,
    };
    return this.#run(operation, scope);
  }

  async unwrap(request: UnwrapRequest, scope: KmsCallScope): Promise<SecretBytes> {
    if (!this.accepts(request.wrapped)) throw ciphertextRejected('the configuration does not accept the stored key version');
    const operation: Operation<SecretBytes> = {
      name: 'unwrap',
      isHedged: this.#subject.key.isUnwrapHedged !== false,
      context: request.context,
      keyVersion: request.wrapped.keyVersion,
      call: (signal) => this.#subject.key.unwrap(request, signal),
      check: checkUnwrapped,
      discard: (dataKey) => dataKey.wipe(),
    };
    return this.#run(operation, scope);
  }

  async generate(context: WrapContext, scope: KmsCallScope): Promise<GeneratedDataKey> {
    const { key } = this.#subject;
    const generate = key.generate?.bind(key);
    if (generate === undefined) return this.#generateHere(context, scope);
    const operation: Operation<GeneratedDataKey> = {
      name: 'generate',
      context,
      call: (signal) => generate(context, signal),
      check: (generated) => checkGenerated(generated, this.#subject),
      keyVersionOf: ({ wrapped }) => wrapped.keyVersion,
      discard: ({ dataKey }) => dataKey.wipe(),
    };
    return this.#run(operation, scope);
  }

  async describe(scope: KmsCallScope): Promise<KeyDescription> {
    const call = (signal: AbortSignal): Promise<KeyDescription> => this.#subject.key.describe(signal);
    return this.#run({ name: 'describe', call, check: nothing, discard: nothing }, scope);
  }

  /** Lets calls under way end, takes no new ones (KMS_UNAVAILABLE), and closes the key after the last. */
  retire(): void {
    this.#isRetired = true;
    if (this.#running === 0) void this.close();
  }

  /** Closes the key now; calls under way end with KMS_UNAVAILABLE. Never throws: whatever hinders closing, the key is let go. */
  async close(): Promise<void> {
    this.#isRetired = true;
    this.#closing ??= this.#subject.key.close().catch(nothing);
    await this.#closing;
  }

  async #generateHere(context: WrapContext, scope: KmsCallScope): Promise<GeneratedDataKey> {
    const dataKey = SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
    try {
      return { dataKey, wrapped: await this.wrap({ dataKey, context }, scope) };
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  async #run<Reply>(operation: Operation<Reply>, scope: KmsCallScope): Promise<Reply> {
    if (this.#isRetired) {
      throw new KeysideError('KMS_UNAVAILABLE', `key ${this.#subject.id}: its configuration was replaced or closed`);
    }
    this.#running += 1;
    try {
      return await this.#runner.run(operation, scope);
    } finally {
      this.#running -= 1;
      if (this.#isRetired && this.#running === 0) void this.close();
    }
  }
}
