import type { WrapContext } from '../core/encryption-context.ts';
import { ciphertextRejected, isWeather, KeysideError } from '../core/errors.ts';
import type { WrapAlgorithm } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { KmsCallScope } from '../kms/guarded-key.ts';
import type { Tenant } from '../tenants/tenant.ts';
import type { OpenedBy } from './held-keys.ts';
import type { JudgedWrap } from './judge.ts';
import { joinShares } from './shares.ts';

/** Most combinations of alternatives that are tried for one block (docs/format.md, section 3). */
const MAX_COMBINATIONS = 16;

export interface OpenedBlock {
  readonly dataKey: SecretBytes;
  readonly openedBy: readonly OpenedBy[];
}

/** Told of every failure of a KMS, with the configuration it concerns: a confirmed revocation takes effect beyond this block. */
export type FailureListener = (error: unknown, by: OpenedBy) => void;

/**
 * Opens a judged block through its KMSs: the first combination of alternatives that unwraps and `verifies`. Weather and bad
 * ciphertext move on to the next combination; a refusal by the customer ends the attempt.
 * @throws {KeysideError} CIPHERTEXT_REJECTED where no combination verifies; else what the KMS said
 */
export async function openBlock(
  tenant: Tenant,
  wraps: readonly JudgedWrap[],
  call: { scope: KmsCallScope; verifies: (dataKey: SecretBytes) => boolean; onFailure: FailureListener },
): Promise<OpenedBlock> {
  let failure: unknown;
  const parts = new Map<JudgedWrap, Promise<SecretBytes>>();
  try {
    for (const combination of combinations(wraps)) {
      try {
        const dataKey = joinShares(
          await Promise.all(combination.map((judged) => unwrapOnce(tenant, judged, { parts, ...call }))),
        );
        if (call.verifies(dataKey)) return { dataKey, openedBy: combination.map(openedBy) };
        dataKey.wipe();
        failure ??= ciphertextRejected('no alternative yields the data key that the header commits to');
      } catch (error) {
        if (!movesOn(error) || call.scope.signal.aborted) throw error;
        // Weather outranks bad ciphertext: what could not be tried may have been the right one.
        if (failure === undefined || isWeather(error)) failure = error;
      }
    }
    throw failure;
  } finally {
    for (const part of parts.values()) part.then((bytes) => bytes.wipe()).catch(() => undefined); // reported where it was awaited
  }
}

function unwrapOnce(
  tenant: Tenant,
  judged: JudgedWrap,
  call: { parts: Map<JudgedWrap, Promise<SecretBytes>>; scope: KmsCallScope; onFailure: FailureListener },
): Promise<SecretBytes> {
  const known = call.parts.get(judged);
  if (known !== undefined) return known;
  const { wrap, configuration, key } = judged;
  const context: WrapContext = {
    tenantId: tenant.id,
    configurationId: configuration.id,
    share: wrap.share,
    shareCount: wrap.shareCount,
  };
  const wrapped = { algorithm: wrap.algorithm as WrapAlgorithm, keyVersion: wrap.keyVersion, ciphertext: wrap.ciphertext };
  const part = key.unwrap({ wrapped, context }, call.scope).catch((error: unknown) => {
    call.onFailure(error, openedBy(judged));
    throw error;
  });
  call.parts.set(judged, part);
  return part;
}

function movesOn(error: unknown): boolean {
  return isWeather(error) || (error instanceof KeysideError && error.reason === 'CIPHERTEXT_REJECTED');
}

function openedBy(judged: JudgedWrap): OpenedBy {
  return { configurationId: judged.configuration.id, keyVersion: judged.wrap.keyVersion };
}

/** One wrap for each share, alternatives in stored order, at most 16 combinations. */
function* combinations(wraps: readonly JudgedWrap[]): Generator<readonly JudgedWrap[]> {
  const byShare = [...Map.groupBy(wraps, (judged) => judged.wrap.share).values()];
  const total = byShare.reduce((product, alternatives) => product * alternatives.length, 1);
  for (let index = 0; index < Math.min(total, MAX_COMBINATIONS); index++) {
    let rest = index;
    yield byShare.map((alternatives) => {
      const chosen = alternatives[rest % alternatives.length] as JudgedWrap;
      rest = Math.floor(rest / alternatives.length);
      return chosen;
    });
  }
}
