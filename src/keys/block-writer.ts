import type { Clock } from '../core/clock.ts';
import type { WrapContext } from '../core/encryption-context.ts';
import { KeysideError } from '../core/errors.ts';
import { PROVIDER_NUMBERS } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { encodeKeyBlock, type KeyBlock } from '../envelope/key-block.ts';
import type { GuardedKey, KeyDirectory, KmsCallScope } from '../kms/guarded-key.ts';
import type { GeneratedDataKey, Wrapped } from '../kms/kms.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import type { FailureListener, OpenedBlock } from './block-opener.ts';
import type { OpenedBy } from './held-keys.ts';

/** For whom a key block is written: today one wrap, under one configuration. */
export interface WriteTarget {
  readonly tenant: Tenant;
  readonly configuration: KeyConfiguration;
}

export interface WrittenBlock extends OpenedBlock {
  readonly keyBlock: KeyBlock;
  /** When the call was sent that proved the data key. */
  readonly provenAtMs: number;
}

export interface WriterParts {
  readonly keys: KeyDirectory;
  readonly clock: Clock;
  readonly onFailure: FailureListener;
}

/**
 * Makes key blocks: a fresh data key with its wraps, or new wraps of a known one. No block leaves whose wraps were not shown to
 * open: a configuration's first block in this process, and every block of a key that anyone can wrap for, is unwrapped once.
 */
export class BlockWriter {
  readonly #parts: WriterParts;
  /** Fingerprints of configurations whose wraps were seen to open. */
  readonly #proven = new Set<string>();

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** A fresh data key, the caller's to wipe, and its block. */
  async generate(target: WriteTarget, scope: KmsCallScope): Promise<WrittenBlock> {
    const { key, context, by } = this.#prepare(target);
    let provenAtMs = this.#parts.clock.nowMs();
    let generated: GeneratedDataKey | undefined;
    try {
      generated = await key.generate(context, scope);
      const { dataKey, wrapped } = generated;
      const proofKey = `${target.configuration.id} ${target.configuration.fingerprint}`;
      if (!key.provenByWrap || !this.#proven.has(proofKey)) {
        provenAtMs = this.#parts.clock.nowMs();
        await this.#proveOpens(key, { dataKey, wrapped, context, scope });
        this.#proven.add(proofKey);
      }
      return { dataKey, keyBlock: block(target, wrapped), provenAtMs, openedBy: [{ ...by, keyVersion: wrapped.keyVersion }] };
    } catch (error) {
      generated?.dataKey.wipe();
      this.#parts.onFailure(error, { ...by, keyVersion: generated?.wrapped.keyVersion ?? '' });
      throw error;
    }
  }

  /** New wraps of `dataKey`, each unwrapped once and compared. The data key stays the caller's. */
  async wrap(target: WriteTarget, dataKey: SecretBytes, scope: KmsCallScope): Promise<KeyBlock> {
    const { key, context, by } = this.#prepare(target);
    let wrapped: Wrapped | undefined;
    try {
      wrapped = await key.wrap({ dataKey, context }, scope);
      await this.#proveOpens(key, { dataKey, wrapped, context, scope });
      return block(target, wrapped);
    } catch (error) {
      this.#parts.onFailure(error, { ...by, keyVersion: wrapped?.keyVersion ?? '' });
      throw error;
    }
  }

  #prepare({ tenant, configuration }: WriteTarget): {
    readonly key: GuardedKey;
    readonly context: WrapContext;
    readonly by: Pick<OpenedBy, 'configurationId'>;
  } {
    const context = { tenantId: tenant.id, configurationId: configuration.id, share: 0, shareCount: 0 };
    return { key: this.#parts.keys.key(configuration), context, by: { configurationId: configuration.id } };
  }

  async #proveOpens(
    key: GuardedKey,
    proof: { dataKey: SecretBytes; wrapped: Wrapped; context: WrapContext; scope: KmsCallScope },
  ): Promise<void> {
    const { dataKey, wrapped, context, scope } = proof;
    using opened = await key.unwrap({ wrapped, context }, scope);
    if (opened.equals(dataKey)) return;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${context.configurationId} does not unwrap what it wrapped`, {
      details: { keyId: context.configurationId },
    });
  }
}

function block({ configuration }: WriteTarget, wrapped: Wrapped): KeyBlock {
  return encodeKeyBlock([
    {
      provider: PROVIDER_NUMBERS[configuration.provider],
      algorithm: wrapped.algorithm,
      configurationId: configuration.id,
      keyVersion: wrapped.keyVersion,
      share: 0,
      shareCount: 0,
      ciphertext: wrapped.ciphertext,
    },
  ]);
}
