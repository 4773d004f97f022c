import { canonicalOf, type Json } from './canonical-json.ts';
import { recordHash } from './chain.ts';
import type { CheckpointStatement } from './checkpoint.ts';
import { hasDuplicateNames } from './duplicate-names.ts';

/** What a checkpoint's record claims (docs/audit-record.md, `unmapped.checkpoint`). Nothing of it is proven yet. */
export interface CheckpointClaim {
  readonly key: string;
  readonly publicKey: string;
  readonly signature: string;
  readonly statement: CheckpointStatement;
  readonly leaf: { readonly index: number; readonly sequence: number };
  readonly proof: readonly string[];
}

/** What a record says of its place, and its hash. */
export interface RecordFacts {
  readonly sidecar: string;
  readonly start: string;
  /** Empty: the daemon's own. */
  readonly tenantId: string;
  readonly sequence: number;
  readonly timeMs: number;
  readonly kind: string;
  readonly chainSequence: number;
  readonly previous: string;
  readonly checkpoint: number;
  readonly hash: string;
  readonly claim: CheckpointClaim | undefined;
  /** Whether the bytes are the canonical ones. */
  readonly isCanonical: boolean;
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const HASH = /^[A-Za-z0-9_-]{43}$/;

/** Reads a record, or says why it is none. */
export function parseRecord(line: Uint8Array): RecordFacts | { readonly unreadable: string } {
  let text: string;
  let value: Json;
  let canonical: string;
  try {
    text = fatal.decode(line);
    value = JSON.parse(text);
    canonical = canonicalOf(text, value);
  } catch (error) {
    return { unreadable: `is not JSON in UTF-8 (${error instanceof Error ? error.name : 'unknown'})` };
  }
  const isCanonical = canonical === text;
  if (!isCanonical && hasDuplicateNames(text)) return { unreadable: 'has a name twice in one object' };
  const facts = factsOf(value);
  if (facts === undefined) return { unreadable: 'is JSON, but not a record of the audit trail' };
  return { ...facts, hash: recordHash(canonical), isCanonical };
}

type Members = { readonly [name: string]: Json | undefined };

function factsOf(value: Json): Omit<RecordFacts, 'hash' | 'isCanonical'> | undefined {
  const { metadata, unmapped } = membersOf(value);
  const { sequence, tenant_uid: tenantId = '', uid, logged_time: timeMs } = membersOf(metadata);
  const { chain, kind, checkpoint: claimed } = membersOf(unmapped);
  const { sidecar, start, sequence: chainSequence, previous, checkpoint } = membersOf(chain);
  if (!isText(sidecar, ID) || !isText(start, ID) || !isText(previous, HASH)) return undefined;
  if (!isCount(sequence) || !isCount(chainSequence) || !isCount(timeMs) || !isCount(checkpoint)) return undefined;
  if (sequence === 0 || chainSequence === 0 || uid !== `${start}-${sequence}`) return undefined;
  if (typeof tenantId !== 'string' || typeof kind !== 'string') return undefined;
  const claim = claimed === undefined ? undefined : claimOf(claimed);
  if ((kind === 'checkpoint') !== (claim !== undefined)) return undefined;
  return { sidecar, start, tenantId, sequence, timeMs, kind, chainSequence, previous, checkpoint, claim };
}

function claimOf(value: Json): CheckpointClaim | undefined {
  const { key, public_key: publicKey, signature, statement, leaf, proof } = membersOf(value);
  const { index, sequence } = membersOf(leaf);
  if (typeof key !== 'string' || !isText(publicKey, HASH) || typeof signature !== 'string') return undefined;
  if (!isCount(index) || !isCount(sequence) || !Array.isArray(proof)) return undefined;
  const siblings = proof.filter((each): each is string => isText(each, HASH));
  const parsed = statementOf(statement);
  if (siblings.length !== proof.length || parsed === undefined) return undefined;
  return { key, publicKey, signature, statement: parsed, leaf: { index, sequence }, proof: siblings };
}

function statementOf(value: Json | undefined): CheckpointStatement | undefined {
  const { sidecar, start, checkpoint, sequence, time, chains, root, recovered, ...others } = membersOf(value);
  if (!isText(sidecar, ID) || !isText(start, ID) || !isText(root, HASH) || Object.keys(others).length > 0) return undefined;
  if (!isCount(checkpoint) || !isCount(sequence) || !isCount(time) || !isCount(chains)) return undefined;
  if (recovered !== undefined && recovered !== true) return undefined;
  const statement = { sidecar, start, checkpoint, sequence, time, chains, root };
  return recovered === undefined ? statement : { ...statement, recovered };
}

function membersOf(value: Json | undefined): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

function isText(value: Json | undefined, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
