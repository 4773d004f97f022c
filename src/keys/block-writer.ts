import { randomFillSync } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { WrapContext } from '../core/encryption-context.ts';
import { aboutKey, KeysideError } from '../core/errors.ts';
import { DATA_KEY_BYTES, PROVIDER_NUMBERS } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import { encodeKeyBlock, type KeyBlock, type StoredWrap } from '../envelope/key-block.ts';
import type { GuardedKey, KeyDirectory, KmsCallScope } from '../kms/guarded-key.ts';
import type { Wrapped } from '../kms/kms.ts';
import type { WriteSet } from '../tenants/policy.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';
import type { FailureListener, OpenedBlock } from './block-opener.ts';
import type { OpenedBy } from './held-keys.ts';
import { splitDataKey } from './shares.ts';

/** For whom a key block is written, and under which keys: all of them, each usable, judged by the caller. */
export interface WriteTarget {
  readonly tenant: Tenant;
  readonly target: WriteSet;
}

export interface WrittenBlock extends OpenedBlock {
  readonly keyBlock: KeyBlock;
  /** When the call was sent that proved the data key; the earliest of several. */
  readonly provenAtMs: number;
}

export interface WriterParts {
  readonly keys: KeyDirectory;
  readonly clock: Clock;
  readonly onFailure: FailureListener;
}

/** Proofs that are remembered; one forgotten costs one unwrap. */
const MAX_PROOFS = 100_000;

/** One wrap to make: of which share, under which key. */
interface Slot {
  readonly configuration: KeyConfiguration;
  readonly key: GuardedKey;
  readonly context: WrapContext;
}

/** A wrap that was made, and when the call was sent that proved it. */
interface MadeWrap {
  readonly slot: Slot;
  readonly wrapped: Wrapped;
  readonly provenAtMs: number;
}

/**
 * Makes key blocks: a fresh data key with its wraps, or new wraps of a known one. No block leaves whose wraps were not shown to
 * open: a configuration's first block in this process, and every block of a key that anyone can wrap for, is unwrapped once.
 */
export class BlockWriter {
  readonly #parts: WriterParts;
  /** Fingerprints of configurations whose wraps were seen to open. By size: `max` would take memory for all of them at once. */
  readonly #proven = new LRUCache<string, true>({ maxSize: MAX_PROOFS, sizeCalculation: () => 1 });

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** A fresh data key, the caller's to wipe, and its block. The KMS makes the key where it is the only one to hold it. */
  async generate(target: WriteTarget, scope: KmsCallScope): Promise<WrittenBlock> {
    const shares = this.#slots(target);
    const [[only] = [], ...others] = shares;
    if (others.length === 0 && shares[0]?.length === 1 && only !== undefined) return this.#generateByKms(only, scope);
    const dataKey = SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
    try {
      const made = await this.#wrapAll(shares, dataKey, { scope, provesEach: false });
      return written(dataKey, made);
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  /** New wraps of `dataKey`, each unwrapped once and compared. The data key stays the caller's. */
  async wrap(target: WriteTarget, dataKey: SecretBytes, scope: KmsCallScope): Promise<KeyBlock> {
    return blockOf(await this.#wrapAll(this.#slots(target), dataKey, { scope, provesEach: true }));
  }

  #slots({ tenant, target }: WriteTarget): Slot[][] {
    const shareCount = target.length === 1 ? 0 : target.length;
    return target.map((share, at) =>
      share.map((configuration) => ({
        configuration,
        key: this.#parts.keys.key(configuration),
        context: { tenantId: tenant.id, configurationId: configuration.id, share: shareCount === 0 ? 0 : at + 1, shareCount },
      })),
    );
  }

  async #generateByKms(slot: Slot, scope: KmsCallScope): Promise<WrittenBlock> {
    const sentAtMs = this.#parts.clock.nowMs();
    let dataKey: SecretBytes | undefined;
    let keyVersion = '';
    try {
      const generated = await slot.key.generate(slot.context, scope);
      dataKey = generated.dataKey;
      keyVersion = generated.wrapped.keyVersion;
      const wrap = await this.#prove(slot, { part: dataKey, wrapped: generated.wrapped, sentAtMs, scope, provesEach: false });
      return written(dataKey, [wrap]);
    } catch (error) {
      dataKey?.wipe();
      this.#parts.onFailure(error, { configurationId: slot.configuration.id, keyVersion });
      throw aboutKey(error, { tenantId: slot.context.tenantId, keyId: slot.configuration.id });
    }
  }

  /** Every wrap or none: a block with a wrap missing would not be what the tenant asked for. */
  async #wrapAll(
    shares: readonly (readonly Slot[])[],
    dataKey: SecretBytes,
    how: { scope: KmsCallScope; provesEach: boolean },
  ): Promise<MadeWrap[]> {
    const parts = splitDataKey(dataKey, shares.length);
    try {
      const making = shares.flatMap((share, at) => share.map((slot) => this.#wrapOne(slot, parts[at] as SecretBytes, how)));
      // All have ended before the parts are wiped: none may be read by a call that is still on its way.
      const ended = await Promise.allSettled(making);
      return ended.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    } finally {
      for (const part of parts) part.wipe();
    }
  }

  async #wrapOne(slot: Slot, part: SecretBytes, how: { scope: KmsCallScope; provesEach: boolean }): Promise<MadeWrap> {
    const sentAtMs = this.#parts.clock.nowMs();
    let keyVersion = '';
    try {
      const wrapped = await slot.key.wrap({ dataKey: part, context: slot.context }, how.scope);
      keyVersion = wrapped.keyVersion;
      return await this.#prove(slot, { part, wrapped, sentAtMs, ...how });
    } catch (error) {
      this.#parts.onFailure(error, { configurationId: slot.configuration.id, keyVersion });
      throw aboutKey(error, { tenantId: slot.context.tenantId, keyId: slot.configuration.id });
    }
  }

  /** The wrap with its proof: by an unwrap where one is due, else by the wrap itself. */
  async #prove(
    slot: Slot,
    made: { part: SecretBytes; wrapped: Wrapped; sentAtMs: number; scope: KmsCallScope; provesEach: boolean },
  ): Promise<MadeWrap> {
    const { part, wrapped, sentAtMs, scope, provesEach } = made;
    const { configuration, key, context } = slot;
    // For each tenant: a policy may allow one tenant's wraps to be opened and another's not.
    const proofKey = `${context.tenantId} ${configuration.id} ${configuration.fingerprint}`;
    if (!provesEach && key.provenByWrap && this.#proven.has(proofKey)) return { slot, wrapped, provenAtMs: sentAtMs };
    const provenAtMs = this.#parts.clock.nowMs();
    using opened = await key.unwrap({ wrapped, context }, scope);
    if (!opened.equals(part)) {
      throw new KeysideError('KEY_MISCONFIGURED', `key ${configuration.id} does not unwrap what it wrapped`);
    }
    this.#proven.set(proofKey, true);
    return { slot, wrapped, provenAtMs };
  }
}

function written(dataKey: SecretBytes, made: readonly MadeWrap[]): WrittenBlock {
  return {
    dataKey,
    keyBlock: blockOf(made),
    provenAtMs: Math.min(...made.map(({ provenAtMs }) => provenAtMs)),
    openedBy: made.map(openedBy),
  };
}

function openedBy({ slot, wrapped }: MadeWrap): OpenedBy {
  return { configurationId: slot.configuration.id, keyVersion: wrapped.keyVersion };
}

function blockOf(made: readonly MadeWrap[]): KeyBlock {
  return encodeKeyBlock(made.map(storedWrap));
}

function storedWrap({ slot: { configuration, context }, wrapped }: MadeWrap): StoredWrap {
  return {
    provider: PROVIDER_NUMBERS[configuration.provider],
    algorithm: wrapped.algorithm,
    configurationId: configuration.id,
    keyVersion: wrapped.keyVersion,
    share: context.share,
    shareCount: context.shareCount,
    ciphertext: wrapped.ciphertext,
  };
}
