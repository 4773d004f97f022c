import { placeText } from '../../src/audit/verify-input.ts';
import type { VerifyReport } from '../../src/audit/verify-report.ts';
import type { KeptRecord } from './kept-records.ts';
import type { Acknowledged, Ledger } from './ledger.ts';

const MAX_TOLD = 5;

/** What an application was told against what is on record: a sentence for each thing that is not so; at most a few of them. */
export function compare(ledger: Ledger, records: readonly KeptRecord[], mayMiss: (missing: Acknowledged) => boolean): string[] {
  const problems: string[] = [];
  const byKey = Map.groupBy(
    records.filter(({ key }) => key !== undefined),
    ({ key }) => key as string,
  );
  for (const [key, found] of byKey) {
    if (found.length > 1) problems.push(`${key} has ${found.length} records: ${found.map(({ uid }) => uid).join(', ')}`);
    const [record] = found as [KeptRecord];
    const asked = ledger.find(key);
    if (asked === undefined) problems.push(`${key} is on record, and nobody asked for it`);
    else if (asked.tenantId !== record.tenantId || asked.kind !== record.kind || asked.method !== record.method) {
      problems.push(`${key} was a ${asked.method} of ${asked.tenantId}; on record is a ${record.method} of ${record.tenantId}`);
    }
  }
  for (const [key, answered] of ledger.acknowledged) {
    const [record] = byKey.get(key) ?? [];
    if (record === undefined) {
      if (!mayMiss(answered)) problems.push(`${key} was answered with ${answered.outcome}, and no record is there`);
    } else if (record.outcome !== answered.outcome) {
      problems.push(`${key} was answered with ${answered.outcome}, on record is ${record.outcome}`);
    }
  }
  return told(problems);
}

export function missing(ledger: Ledger, records: readonly KeptRecord[]): Acknowledged[] {
  const keys = new Set(records.map(({ key }) => key));
  return [...ledger.acknowledged].filter(([key]) => !keys.has(key)).map(([, answered]) => answered);
}

/** What verification found wrong with these records. That some are not signed yet is no fault: `unprovenOf` tells of those. */
export function faultsOf({ verdict, fault, faults }: VerifyReport): string[] {
  if (verdict === 'verified' || verdict === 'unproven') return [];
  if (fault === undefined) return [`the verdict is ${verdict}`];
  return [`${faults} faults; the first: ${placeText(fault.place)} ${fault.what}`];
}

/** Records of ended starts that no checkpoint covers. */
export function unprovenOf({ tenants }: VerifyReport, starts: ReadonlySet<string>): string[] {
  return told(
    tenants.flatMap(({ tenantId, chains }) =>
      chains
        .filter(({ start, unproven }) => starts.has(start) && unproven > 0)
        .map(({ start, unproven }) => `${unproven} records of ${tenantId || 'the daemon itself'}, start ${start}, are unproven`),
    ),
  );
}

/** What a sink has against what the spool has: everything at least once, in order, and nothing else. */
export function compareSink(delivered: readonly KeptRecord[], expected: readonly KeptRecord[]): string[] {
  const problems: string[] = [];
  const lines = new Map(expected.map(({ uid, line }) => [uid, line]));
  const first = new Map<string, KeptRecord>();
  for (const record of delivered) {
    const line = lines.get(record.uid);
    if (line === undefined) problems.push(`${record.uid} was delivered, and is not of this sink's records`);
    else if (line !== record.line) problems.push(`${record.uid} was delivered with other bytes`);
    if (!first.has(record.uid)) first.set(record.uid, record);
  }
  const absent = expected.filter(({ uid }) => !first.has(uid));
  for (const { uid, kind } of absent) problems.push(`${uid} (${kind}) was not delivered`);
  const order = [...first.keys()];
  const wanted = expected.map(({ uid }) => uid).filter((uid) => first.has(uid));
  const at = wanted.findIndex((uid, index) => order[index] !== uid);
  if (at >= 0) problems.push(`${order[at]} came where ${wanted[at]} was due`);
  return told(problems);
}

/** All of them would tell no more. */
function told(problems: readonly string[]): string[] {
  const rest = problems.length - MAX_TOLD;
  return rest <= 0 ? [...problems] : [...problems.slice(0, MAX_TOLD), `and ${rest} more`];
}
