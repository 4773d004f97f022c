import type { WrapContext } from '../core/encryption-context.ts';
import { aboutKey, ciphertextRejected, isWeather, KeysideError } from '../core/errors.ts';
import { inTurn } from '../core/in-turn.ts';
import type { WrapAlgorithm } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { KmsCallScope } from '../kms/guarded-key.ts';
import type { Timer } from '../kms/timer.ts';
import type { Tenant } from '../tenants/tenant.ts';
import type { OpenedBy } from './held-keys.ts';
import type { JudgedWrap } from './judge.ts';
import { joinShares } from './shares.ts';

/** Most combinations of alternatives that are tried for one block (docs/format.md, section 3). */
const MAX_COMBINATIONS = 16;
/** A KMS that has not answered by then is asked beside the next alternative. */
const PATIENCE_MS = 1_000;

export interface OpenedBlock {
  readonly dataKey: SecretBytes;
  readonly openedBy: readonly OpenedBy[];
}

/** Told of every failure of a KMS, with the configuration it concerns: a confirmed revocation takes effect beyond this block. */
export type FailureListener = (error: unknown, by: OpenedBy) => void;

interface OpenCall {
  readonly scope: KmsCallScope;
  readonly timer: Timer;
  readonly verifies: (dataKey: SecretBytes) => boolean;
  readonly onFailure: FailureListener;
}

/**
 * Opens a judged block through its KMSs: the first combination of alternatives that unwraps and `verifies`. Weather and bad
 * ciphertext move on to the next combination, and so does a KMS that has not answered for a second; a refusal by the customer ends the
 * attempt, even where another alternative is being asked.
 * @throws {KeysideError} CIPHERTEXT_REJECTED where no combination verifies; else what the KMS said
 */
export async function openBlock(tenant: Tenant, wraps: readonly JudgedWrap[], call: OpenCall): Promise<OpenedBlock> {
  const { scope, timer } = call;
  const parts = new Map<JudgedWrap, Promise<SecretBytes>>();
  const waiting = combinations(wraps);
  const open = async (combination: readonly JudgedWrap[]): Promise<OpenedBlock> => {
    const dataKey = joinShares(await Promise.all(combination.map((judged) => unwrapOnce(tenant, judged, { parts, ...call }))));
    if (call.verifies(dataKey)) return { dataKey, openedBy: combination.map(openedBy) };
    dataKey.wipe();
    throw ciphertextRejected('no alternative yields the data key that the header commits to');
  };
  try {
    return await inTurn<OpenedBlock>({
      next: () => {
        const { value, done } = waiting.next();
        return done === true ? undefined : open(value);
      },
      movesOn: (error) => movesOn(error) && !scope.signal.aborted,
      // Weather outranks bad ciphertext: what could not be tried may have been the right one.
      worse: (earlier, later) => (isWeather(later) ? later : earlier),
      patienceMs: PATIENCE_MS,
      after: (ms, callback) => timer.after(ms, callback),
      discard: ({ dataKey }) => dataKey.wipe(),
    });
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
    throw aboutKey(error, { tenantId: tenant.id, keyId: configuration.id });
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
function* combinations(wraps: readonly JudgedWrap[]): Generator<readonly JudgedWrap[], void> {
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
