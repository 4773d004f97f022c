import { KeysideError } from '../../core/errors.ts';
import type { KeyConfigurationId } from '../../core/ids.ts';
import { LinkedSignal } from '../linked-signal.ts';
import type { AzureVault } from './azure-kms.ts';
import { confirmed } from './confirmation.ts';
import type { AzureConnections } from './connections.ts';
import { type AzureFailure, failureOf, keysideError } from './errors.ts';
import type { AzureTarget } from './target.ts';

export interface Asked {
  readonly vault: AzureVault;
  readonly signal: AbortSignal;
}

/** One request to the vault. */
export interface Call<Reply> {
  /** The version that is asked; undefined: the newest. */
  readonly version: string | undefined;
  /** What its failures mean. Default `failureOf`. */
  readonly judge?: (error: unknown) => AzureFailure;
  make(vault: AzureVault): Promise<Reply>;
}

interface CallsOptions {
  readonly id: KeyConfigurationId;
  readonly target: AzureTarget;
  readonly connections: AzureConnections;
}

/** What one key asks of its vault: connects on first use, turns failures into reasons, and ends what is under way when it is closed. */
export class AzureCalls {
  readonly #options: CallsOptions;
  readonly #closing = new AbortController();
  #vault: Promise<AzureVault> | undefined;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Runs `work`, which ends with `signal` or with the key. @throws {KeysideError} only; the signal's reason once it aborted */
  async run<T>(signal: AbortSignal, work: (asked: Asked) => Promise<T>): Promise<T> {
    using ending = new LinkedSignal(signal, this.#closing.signal);
    try {
      ending.signal.throwIfAborted();
      return await work({ vault: await this.#open(), signal: ending.signal });
    } catch (cause) {
      ending.signal.throwIfAborted();
      throw cause instanceof KeysideError ? cause : keysideError(this.#options.id, failureOf(cause), cause);
    }
  }

  /** Makes a call; a refusal is confirmed with the vault before it is told. */
  async ask<Reply>(call: Call<Reply>, asked: Asked): Promise<Reply> {
    try {
      return await call.make(asked.vault);
    } catch (cause) {
      asked.signal.throwIfAborted();
      throw await this.#refusal(call, cause, asked);
    }
  }

  /** Calls under way end with KMS_UNAVAILABLE, later ones too. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const { id, connections, target } = this.#options;
    this.#closing.abort(new KeysideError('KMS_UNAVAILABLE', `key ${id} was closed`));
    const opened = await this.#vault?.catch(() => undefined);
    if (opened !== undefined) connections.release(target.connection);
  }

  async #open(): Promise<AzureVault> {
    const { connections, target } = this.#options;
    this.#vault ??= connections.acquire(target.connection);
    const opening = this.#vault;
    try {
      return await opening;
    } catch (error) {
      if (this.#vault === opening) this.#vault = undefined; // what hindered it, a file say, may be mended by the next call
      throw error;
    }
  }

  async #refusal<Reply>(call: Call<Reply>, cause: unknown, asked: Asked): Promise<KeysideError> {
    const { version, judge = failureOf } = call;
    const { id, target } = this.#options;
    const failure = judge(cause);
    try {
      return keysideError(id, await confirmed(failure, { ...asked, keyName: target.keyName, version }), cause);
    } catch (unconfirmed) {
      asked.signal.throwIfAborted();
      const words = 'refused, and the state of the key could not be asked for';
      return keysideError(id, failure, new AggregateError([cause, unconfirmed], words));
    }
  }
}
