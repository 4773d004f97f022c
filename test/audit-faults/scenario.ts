import type { Checks } from '../crash/checks.ts';
import type { KeptRecord } from '../crash/kept-records.ts';
import type { Refusal } from '../crash/ledger.ts';
import type { Random } from '../crash/random.ts';

export interface Scenario {
  readonly checks: Checks;
  readonly random: Random;
  /** As short as it still shows something. */
  readonly isShort: boolean;
}

/** Without those that are there again with the same bytes, as a failed write leaves them (docs/audit.md). */
export function distinct(records: readonly KeptRecord[]): KeptRecord[] {
  return [...new Map(records.map((record) => [`${record.uid} ${record.line}`, record])).values()];
}

/** Whether a call was refused because it could not be recorded, in the form that tells a caller to come again. */
export function isUnavailable({ code, reason, retryAfterMs }: Refusal): boolean {
  return reason === 'AUDIT_UNAVAILABLE' && code === 'UNAVAILABLE' && (retryAfterMs ?? 0) > 0;
}

/** How many of each reason. */
export function counted(refusals: readonly Refusal[]): string {
  const counts = Map.groupBy(refusals, ({ code, reason }) => reason || code);
  return [...counts].map(([reason, those]) => `${those.length} ${reason}`).join(', ') || 'none';
}
