import { Buffer } from 'node:buffer';
import { canonicalize, type Json } from '../../src/audit/canonical-json.ts';
import { recordHash } from '../../src/audit/chain.ts';
import { NO_PREVIOUS } from '../../src/audit/record-place.ts';
import type { KeptRecord } from './audit-trail.ts';

/** What someone does who can write the files, but has not the signing key. */

// biome-ignore lint/suspicious/noExplicitAny: a record as a forger sees it, anything in it may be set
export type Editable = any;

/** The record with changes, well laid out. */
export function altered({ record, line }: KeptRecord, change: (value: Editable) => void): KeptRecord {
  const value = JSON.parse(line);
  change(value);
  return { record, line: canonicalize(value as Json) };
}

/** The records with one of them altered. */
export function alter(records: readonly KeptRecord[], at: number, change: (value: Editable) => void): KeptRecord[] {
  return records.map((each, index) => (index === at ? altered(each, change) : each));
}

export function without(records: readonly KeptRecord[], ...places: readonly number[]): KeptRecord[] {
  return records.filter((_, index) => !places.includes(index));
}

export function swapped(records: readonly KeptRecord[], one: number, other: number): KeptRecord[] {
  const copy = [...records];
  [copy[one], copy[other]] = [copy[other] as KeptRecord, copy[one] as KeptRecord];
  return copy;
}

export function inserted(records: readonly KeptRecord[], at: number, ...others: readonly KeptRecord[]): KeptRecord[] {
  return [...records.slice(0, at), ...others, ...records.slice(at)];
}

/** Chains all records anew, as if nothing had happened: everything but the signatures fits. The sidecar's numbers stay or are made anew. */
export function rechained(records: readonly KeptRecord[], { renumber = false } = {}): KeptRecord[] {
  const heads = new Map<string, { sequence: number; hash: string }>();
  let sequence = 0;
  return records.map((each) => {
    sequence = renumber ? sequence + 1 : each.record.sequence;
    const forged = altered(each, ({ metadata, unmapped }) => {
      const chain = metadata.tenant_uid ?? '';
      const head = heads.get(chain) ?? { sequence: 0, hash: NO_PREVIOUS };
      metadata.sequence = sequence;
      metadata.uid = `${unmapped.chain.start}-${sequence}`;
      Object.assign(unmapped.chain, { sequence: head.sequence + 1, previous: head.hash });
    });
    const { metadata, unmapped } = JSON.parse(forged.line);
    heads.set(metadata.tenant_uid ?? '', { sequence: unmapped.chain.sequence, hash: recordHash(forged.line) });
    return { record: { ...each.record, sequence }, line: forged.line };
  });
}

/** The records of one start without their checkpoints, as if there had not been any yet, chained anew. */
export function unsigned(records: readonly KeptRecord[]): KeptRecord[] {
  const others = records.filter(({ record }) => record.kind !== 'checkpoint');
  return rechained(others.map((each) => altered(each, ({ unmapped }) => Object.assign(unmapped.chain, { checkpoint: 0 }))));
}

/** A chain that is signed up to its first checkpoint, and from there on as `rewrite` would have it. */
export function rewrittenAfterCheckpoint(
  chain: readonly KeptRecord[],
  rewrite: (records: readonly KeptRecord[]) => readonly KeptRecord[],
): KeptRecord[] {
  const signed = chain.findIndex(({ record }) => record.kind === 'checkpoint') + 1;
  const rest = chain.slice(signed).filter(({ record }) => record.kind !== 'checkpoint');
  const last = rest.map((each) => altered(each, ({ unmapped }) => Object.assign(unmapped.chain, { checkpoint: 1 })));
  return rechained([...chain.slice(0, signed), ...rewrite(last)]);
}

/** An archive as object storage has it: for each tenant, and the daemon itself, a file of its own. */
export function byTenant(records: readonly KeptRecord[], isThere: (tenantId: string) => boolean = () => true): KeptRecord[][] {
  const files = Map.groupBy(records, ({ record }) => record.tenantId);
  return [...files].filter(([tenantId]) => isThere(tenantId)).map(([, own]) => own);
}

/** The bytes with one bit turned. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << bit);
  return copy;
}
