import type { Clock } from '../core/clock.ts';
import type { WrapContext } from '../core/encryption-context.ts';
import { KeysideError } from '../core/errors.ts';
import { PROVIDER_NUMBERS } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { encodeKeyBlock, type KeyBlock } from '../envelope/key-block.ts';
import type { GuardedKey, KeyDirectory, KmsCallScope } from '../kms/guarded-key.ts';
import type { Wrapped } from '../kms/kms.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import type { FailureListener, OpenedBlock } from './block-opener.ts';

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
    const provenByWrapAtMs = this.#parts.clock.nowMs();
    let dataKey: SecretBytes | undefined;
    try {
      const generated = await key.generate(context, scope);
      dataKey = generated.dataKey;
      const { wrapped } = generated;
      const proofKey = `${target.configuration.id} ${target.configuration.fingerprint}`;
      let provenAtMs = provenByWrapAtMs;
      if (!key.provenByWrap || !this.#proven.has(proofKey)) {
        provenAtMs = this.#parts.clock.nowMs();
        await this.#proveOpens(key, { dataKey, wrapped, context, scope });
        this.#proven.add(proofKey);
      }
      return { dataKey, keyBlock: block(target, wrapped), provenAtMs, openedBy: [{ ...by, keyVersion: wrapped.keyVersion }] };
    } catch (error) {
      dataKey?.wipe();
      this.#parts.onFailure(error, by);
      throw error;
    }
  }

  /** New wraps of `dataKey`, each unwrapped once and compared. The data key stays the caller's. */
  async wrap(target: WriteTarget, dataKey: SecretBytes, scope: KmsCallScope): Promise<KeyBlock> {
    const { key, context, by } = this.#prepare(target);
    try {
      const wrapped = await key.wrap({ dataKey, context }, scope);
      await this.#proveOpens(key, { dataKey, wrapped, context, scope });
      return block(target, wrapped);
    } catch (error) {
      this.#parts.onFailure(error, by);
      throw error;
    }
  }

  #prepare(target: WriteTarget): {
    key: GuardedKey;
    context: WrapContext;
    by: { configurationId: KeyConfiguration['id']; keyVersion: string };
  } {
    const { tenant, configuration } = target;
    const context = { tenantId: tenant.id, configurationId: configuration.id, share: 0, shareCount: 0 };
    return { key: this.#parts.keys.key(configuration), context, by: { configurationId: configuration.id, keyVersion: '' } };
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
