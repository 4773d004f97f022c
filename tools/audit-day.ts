/** One day of a daemon, scripted: the records are made, chained and signed by the code that makes them in the daemon. */
import { Chains } from '../src/audit/chain.ts';
import { writeCheckpoint } from '../src/audit/checkpoint.ts';
import type { AuditEvent, CallFacts, DataEvent, EventOutcome } from '../src/audit/event.ts';
import type { FramedRecord } from '../src/audit/frame.ts';
import { chainOf, recordLine } from '../src/audit/ocsf.ts';
import { parseTenantId } from '../src/core/ids.ts';
import { CALL, dataEvent, keyEvent, securityEvent } from '../test/fakes/audit-events.ts';
import { exampleSigningKey } from './example-signing-key.ts';

export const DAY_BEGIN_MS = Date.UTC(2026, 10, 24);
export const HOUR_MS = 3_600_000;
const [SECOND_MS, MINUTE_MS] = [1_000, 60_000] as const;

const SOURCE = { sidecar: '5f0c9a1e7d3b2846', start: 'a4c81f0be2574d96b3f81d2c6e90557a', version: '0.1.0' } as const;
/** People at work, by hour of the day: each session is a login and a dozen documents. */
const SESSIONS = [0, 0, 0, 0, 0, 1, 2, 5, 8, 10, 10, 9, 6, 9, 10, 9, 7, 4, 3, 2, 1, 1, 1, 0] as const;
const PEOPLE = ['ada', 'grace', 'alan', 'edith'] as const;
/** As the defaults of a tenant's policy have it: how long a data key is used unproven, and when it is proven ahead. */
const [LIFETIME_MS, REFRESH_MS] = [60 * SECOND_MS, 48 * SECOND_MS] as const;
/** The customer disables its key, and enables it again. */
const [DISABLED_MS, ENABLED_MS] = [14.2 * HOUR_MS, 14.55 * HOUR_MS] as const;

interface Planned {
  /** Since the day began. */
  readonly atMs: number;
  readonly events: (day: KeyState) => readonly AuditEvent[];
}

/** When the data key in memory was proven last; what a daemon knows, as far as the script needs it. */
interface KeyState {
  atMs: number;
  provenMs: number;
}

/** The records of the day, in the order of the spool: a line each. */
export async function scriptedDay(): Promise<readonly { readonly tenantId: string; readonly line: string }[]> {
  const [chains, key] = [new Chains(SOURCE), exampleSigningKey()];
  const records: { readonly tenantId: string; readonly line: string }[] = [];
  let nowMs = 0;
  const log = {
    assertAvailable: () => undefined,
    append: ({ tenantId }: FramedRecord, line: string) => void records.push({ tenantId, line }),
  };
  const checkpoint = () => writeCheckpoint({ chains, key, log, now: () => DAY_BEGIN_MS + nowMs });
  const state: KeyState = { atMs: 0, provenMs: Number.NEGATIVE_INFINITY };
  let nextCheckpointMs = MINUTE_MS;
  for (const { atMs, events } of plan()) {
    for (; nextCheckpointMs <= atMs; nextCheckpointMs += MINUTE_MS) {
      nowMs = nextCheckpointMs;
      await checkpoint();
    }
    [nowMs, state.atMs] = [atMs, atMs];
    for (const event of events(state)) {
      const tenantId = chainOf(event);
      const { line } = chains.append(tenantId, DAY_BEGIN_MS + nowMs, (place) => recordLine(event, place, SOURCE));
      records.push({ tenantId, line });
    }
  }
  nowMs = 24 * HOUR_MS - 1;
  await checkpoint();
  return records;
}

function plan(): readonly Planned[] {
  const random = seeded(1);
  const planned: Planned[] = [
    { atMs: 0, events: () => [{ kind: 'lifecycle', action: 'start', facts: { version: SOURCE.version } }] },
    {
      atMs: 9.5 * HOUR_MS,
      events: () => [{ kind: 'configuration', tenantId: ACME, action: 'changed', digest: 'c7'.repeat(32) }],
    },
    ...rewraps(2.25 * HOUR_MS),
    ...marketing(16.4 * HOUR_MS),
    ...otherTenant(random),
  ];
  for (const [hour, sessions] of SESSIONS.entries()) {
    for (let at = 0; at < sessions; at += 1) planned.push(...session((hour + random()) * HOUR_MS, random));
  }
  return planned
    .map(({ atMs, events }) => ({ atMs: Math.floor(atMs), events }))
    .filter(({ atMs }) => atMs < 24 * HOUR_MS)
    .sort((one, other) => one.atMs - other.atMs);
}

const ACME = parseTenantId('acme');

/** A login, and documents read and written in the minutes after it. */
function session(beginMs: number, random: () => number): Planned[] {
  const person = PEOPLE[Math.floor(random() * PEOPLE.length)] as string;
  const call = callOf({ requesterId: `${person}@acme.example`, purpose: 'support' });
  const planned: Planned[] = [
    { atMs: beginMs, events: () => [securityEvent({ call, occurredAtMs: DAY_BEGIN_MS + Math.floor(beginMs) })] },
  ];
  let atMs = beginMs;
  for (let left = 6 + Math.floor(random() * 9); left > 0; left -= 1) {
    atMs += 1_000 + random() * 30_000;
    const [kind, isWarm] = [random() < 0.25 ? ('encrypt' as const) : ('decrypt' as const), 0.1 + random() * 0.3];
    planned.push({ atMs, events: (state) => used(state, { kind, call, durationMs: isWarm }) });
  }
  return planned;
}

/** What one use of a document leaves: its own record, and that of the KMS where it was asked. */
function used(state: KeyState, use: Pick<DataEvent, 'kind' | 'call' | 'durationMs'>): readonly AuditEvent[] {
  const method = use.kind === 'encrypt' ? 'Encrypt' : 'Decrypt';
  const ageMs = state.atMs - state.provenMs;
  const isDisabled = state.atMs >= DISABLED_MS && state.atMs < ENABLED_MS;
  if (ageMs < REFRESH_MS) return [dataEvent({ ...use, method, tenantId: ACME })];
  if (isDisabled) {
    state.provenMs = Number.NEGATIVE_INFINITY;
    const outcome: EventOutcome = 'KEY_REVOKED';
    return [
      keyEvent({ action: 'refuse', outcome, keyVersion: '', durationMs: 21.7 }),
      dataEvent({ ...use, method, outcome, keys: [], durationMs: 22 }),
    ];
  }
  state.provenMs = state.atMs;
  const action = ageMs < LIFETIME_MS ? 'refresh' : 'open';
  const keys = [
    { keyId: 'acme-2026', keyVersion: '7', provider: 'aws', from: action === 'open' ? ('kms' as const) : ('cache' as const) },
  ];
  return [keyEvent({ action }), dataEvent({ ...use, method, keys, durationMs: action === 'open' ? 24.1 : use.durationMs })];
}

/** A batch that moves old documents under the key's present version. */
function rewraps(beginMs: number): Planned[] {
  const call = callOf({ callerId: 'nightly', requesterId: 'rotation', purpose: 'rotation' });
  return Array.from({ length: 60 }, (_, at) => ({
    atMs: beginMs + at * 250,
    events: () => [dataEvent({ kind: 'rewrap', method: 'BatchRewrap', itemId: `row-${at + 1}`, call, fields: 0, bytes: 0 })],
  }));
}

/** Someone wants personal data for what the policy does not allow. */
function marketing(beginMs: number): Planned[] {
  const call = callOf({ callerId: 'campaigns', requesterId: 'otto@acme.example', purpose: 'marketing' });
  return Array.from({ length: 5 }, (_, at) => ({
    atMs: beginMs + at * 20_000,
    events: () => [dataEvent({ kind: 'decrypt', method: 'Decrypt', outcome: 'POLICY_DENIED', keys: [], call, durationMs: 0.04 })],
  }));
}

/** Another tenant's documents, which this tenant's sink sees nothing of. */
function otherTenant(random: () => number): Planned[] {
  const tenantId = parseTenantId('globex');
  return Array.from({ length: 200 }, () => ({ atMs: random() * 24 * HOUR_MS, events: () => [dataEvent({ tenantId })] }));
}

function callOf(changes: Partial<CallFacts>): CallFacts {
  return { ...CALL, ...changes };
}

/** Numbers from 0 up to 1 that look like chance and are the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
