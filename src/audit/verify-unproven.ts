import type { ChainCheck } from './verify-chain.ts';

/** A chain without a fault whose records are not signed as they would be if nobody had touched it, or are not signed yet. */
export interface UnprovenChain {
  readonly tenantId: string;
  readonly sidecar: string;
  readonly start: string;
  /** The records that no checkpoint covers. */
  readonly first: number;
  readonly last: number;
  /** Whether a checkpoint covers records before them. */
  readonly hasCheckpoint: boolean;
  /** No later start of its sidecar is there: it may be younger than its first checkpoint. */
  readonly isNewestStart: boolean;
}

/** A start as its first record gives it. */
export interface StartBeginning {
  readonly sidecar: string;
  readonly timeMs: number;
}

/**
 * Chains without any checkpoint; and where a later start of the sidecar is there, those that go on after their last one: a daemon signs
 * everything when it ends, and where it could not, the next start does so before its own first record.
 */
export function unprovenChains(
  chains: readonly ChainCheck[],
  beginnings: ReadonlyMap<string, StartBeginning>,
): readonly UnprovenChain[] {
  const newest = new Map<string, number>();
  for (const { sidecar, timeMs } of beginnings.values()) newest.set(sidecar, Math.max(timeMs, newest.get(sidecar) ?? timeMs));
  return chains.flatMap((chain) => {
    const { tenantId, sidecar, start, first, last, proven, unproven } = chain;
    const begun = beginnings.get(start);
    const isNewestStart = begun !== undefined && begun.timeMs === newest.get(begun.sidecar);
    if (proven !== undefined && (isNewestStart || unproven === 0)) return [];
    const from = proven === undefined ? first : proven.sequence + 1;
    return [{ tenantId, sidecar, start, first: from, last, hasCheckpoint: proven !== undefined, isNewestStart }];
  });
}
