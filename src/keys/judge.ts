import { ciphertextRejected } from '../core/errors.ts';
import { PROVIDER_NUMBERS, type WrapAlgorithm } from '../core/providers.ts';
import type { KeyBlock, StoredWrap } from '../envelope/key-block.ts';
import type { GuardedKey, KeyDirectory } from '../kms/guarded-key.ts';
import { assertEnoughShares, assertUsable, configurationFor } from '../tenants/policy.ts';
import type { KeyConfiguration, Tenant } from '../tenants/tenant.ts';

/** A stored wrap whose configuration is the tenant's own and allows its use. */
export interface JudgedWrap {
  readonly wrap: StoredWrap;
  readonly configuration: KeyConfiguration;
  readonly key: GuardedKey;
}

/**
 * Holds every wrap of a stored block against the tenant's configuration, for each request and before any cache or KMS is asked
 * (docs/format.md, sections 3 and 6).
 * @throws {KeysideError} CIPHERTEXT_REJECTED where a wrap is not one that this tenant's configuration could have made;
 * KEY_DISABLED_HERE or POLICY_DENIED where a configuration may not be used, or fewer keys are needed than the tenant demands
 */
export function judgeBlock(tenant: Tenant, block: KeyBlock, keys: KeyDirectory): readonly JudgedWrap[] {
  const judged = block.wraps.map((wrap) => judgeWrap(tenant, wrap, keys));
  assertEnoughShares(tenant, block.shareCount);
  for (const { configuration } of judged) assertUsable(tenant, configuration);
  return judged.length === 1 ? judged : nearFirst(tenant, judged);
}

/** Alternatives in the daemon's own region come first; else the stored order stays. */
function nearFirst({ servedFrom }: Tenant, judged: readonly JudgedWrap[]): readonly JudgedWrap[] {
  if (servedFrom === undefined) return judged;
  const distance = ({ configuration }: JudgedWrap): number => (configuration.region === servedFrom ? 0 : 1);
  return judged.toSorted((a, b) => distance(a) - distance(b));
}

function judgeWrap(tenant: Tenant, wrap: StoredWrap, keys: KeyDirectory): JudgedWrap {
  const configuration = configurationFor(tenant, wrap.configurationId);
  if (configuration === undefined) throw ciphertextRejected('a wrap names a configuration that is not this tenant’s');
  if (PROVIDER_NUMBERS[configuration.provider] !== wrap.provider) {
    throw ciphertextRejected('a wrap names another provider than its configuration');
  }
  const key = keys.key(configuration);
  // Any byte value may stand for the algorithm here: `accepts` knows the ones of its provider and refuses the rest.
  if (!key.accepts({ algorithm: wrap.algorithm as WrapAlgorithm, keyVersion: wrap.keyVersion })) {
    throw ciphertextRejected('a wrap has an algorithm or key version that its configuration does not accept');
  }
  return { wrap, configuration, key };
}
