import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalize, canonicalOf, type Json } from '../../src/audit/canonical-json.ts';
import { hasDuplicateNames } from '../../src/audit/duplicate-names.ts';
import type { AuditEvent, CallEvent, CallFacts, DataEvent, KeyEvent, SecurityEvent } from '../../src/audit/event.ts';
import { checkpointLine, recordLine } from '../../src/audit/ocsf.ts';
import { NO_PREVIOUS, type RecordPlace } from '../../src/audit/record-place.ts';
import { SECURITY_EVENTS } from '../../src/audit/security-events.ts';
import { type ErrorReason, REASONS } from '../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import { id, text } from './arbitraries.ts';
import { check } from './runs.ts';

/** Text as anything may give it: halves of surrogate pairs, quotes and control characters too. */
const wild = fc.oneof(
  text,
  fc.string({
    unit: fc.constantFrom('\ud800', '\udc00', '"', '\\', '\u0000', '\u001f', '\u007f', '\u2028', '😀', 'a'),
    maxLength: 12,
  }),
);

const call: fc.Arbitrary<CallFacts> = fc.record({
  callerId: wild,
  requesterId: wild,
  requestId: wild,
  traceId: wild,
  sourceIp: fc.oneof(wild, fc.ipV4(), fc.ipV6()),
  dataLabel: wild,
  purpose: wild,
  objectId: wild,
  subjectId: wild,
  attributes: fc.array(fc.tuple(wild, wild), { maxLength: 5 }).map((entries) => new Map(entries)),
});

const tenantId = id.map((value) => parseTenantId(value));
const outcome = fc.constantFrom('OK' as const, ...(Object.keys(REASONS) as ErrorReason[]));
const durationMs = fc.double({ min: 0, max: 1e9, noNaN: true });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const dataEvents: fc.Arbitrary<DataEvent> = fc.record({
  kind: fc.constantFrom('encrypt', 'decrypt', 'rewrap'),
  tenantId,
  call,
  outcome,
  durationMs,
  keys: fc.array(fc.record({ keyId: wild, keyVersion: wild, provider: wild, from: fc.constantFrom('cache', 'kms') }), {
    maxLength: 3,
  }),
  fields: count,
  bytes: count,
  method: wild,
  itemId: wild,
  phase: fc.constantFrom('whole', 'opened', 'ended'),
});

const keyEvents: fc.Arbitrary<KeyEvent> = fc.record(
  {
    kind: fc.constant('key'),
    tenantId,
    action: fc.constantFrom('open', 'refresh', 'refuse', 'drop'),
    outcome,
    durationMs,
    keyId: id.map((value) => parseKeyConfigurationId(value)),
    keyVersion: wild,
    provider: wild,
    traceId: wild,
    call,
  },
  { requiredKeys: ['kind', 'tenantId', 'action', 'outcome', 'durationMs', 'keyId', 'keyVersion', 'provider', 'traceId'] },
);

const callEvents: fc.Arbitrary<CallEvent> = fc.record({
  kind: fc.constantFrom('key', 'security'),
  tenantId,
  call,
  method: fc.oneof(wild, fc.constantFrom('CheckKey', 'DropKeys')),
  outcome,
  durationMs,
});

const securityEvents: fc.Arbitrary<SecurityEvent> = fc.record({
  kind: fc.constant('security'),
  tenantId,
  call,
  name: fc.constantFrom(...Object.keys(SECURITY_EVENTS), 'CUSTOM_A'),
  occurredAtMs: count,
  targetUserId: wild,
  message: wild,
});

/** A text as JSON that writes every code unit by its number. */
function escaped(value: string): string {
  return `"${value
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')}"`;
}

const places: fc.Arbitrary<RecordPlace> = fc.record({
  sequence: count,
  timeMs: count,
  chainSequence: count,
  previous: fc.constant(NO_PREVIOUS),
  checkpoint: count,
});

const SOURCE = { sidecar: 'side-1', start: 'start_1', version: '0.1.0' };

test('a record is canonical JSON, whatever an event holds', () => {
  const events: fc.Arbitrary<AuditEvent> = fc.oneof({ weight: 3, arbitrary: dataEvents }, keyEvents, callEvents, securityEvents);
  check(
    fc.property(events, places, (event, place) => {
      const line = recordLine(event, place, SOURCE);
      assert.equal(line, canonicalize(JSON.parse(line)));
      assert.ok(line.isWellFormed() && !line.includes('\n'));
    }),
    1_000,
  );
});

test('a record is the same whether its source made others like it before or not', () => {
  const known = { ...SOURCE };
  // Few of each, so that most records find texts that others were made of, all of them or some.
  const alike = fc.record({
    tenantId: fc.constantFrom('acme', 'globex').map((value) => parseTenantId(value)),
    method: fc.constantFrom('Encrypt', 'BatchEncrypt'),
    outcome: fc.constantFrom('OK' as const, 'KEY_REVOKED' as const, 'INTERNAL' as const),
    callerId: fc.constantFrom('', 'billing', '"'),
  });
  check(
    fc.property(dataEvents, alike, places, (event, { callerId, ...changes }, place) => {
      const again = { ...event, ...changes, call: { ...event.call, callerId } };
      assert.equal(recordLine(again, place, known), recordLine(again, place, { ...SOURCE }));
    }),
    500,
  );
});

test('the record of a checkpoint is canonical JSON', () => {
  const hash = NO_PREVIOUS;
  const proofs = fc.record({ index: count, sequence: count, siblings: fc.array(fc.constant(hash), { maxLength: 3 }) });
  check(
    fc.property(fc.oneof(fc.constant(''), id), proofs, places, (tenant, { index, sequence, siblings }, place) => {
      const proof = {
        key: '0f',
        publicKey: hash,
        signature: hash,
        statement: '{"root":"a"}',
        leaf: { index, sequence },
        siblings,
      };
      const line = checkpointLine(tenant, proof, { place, source: SOURCE });
      assert.equal(line, canonicalize(JSON.parse(line)));
    }),
  );
});

test('a record holds the texts of its event', () => {
  check(
    fc.property(dataEvents, places, (event, place) => {
      const { metadata, unmapped, actor } = JSON.parse(recordLine(event, place, SOURCE));
      const of = (value: string) => (value === '' ? undefined : value.toWellFormed());
      assert.equal(metadata.tenant_uid, event.tenantId);
      assert.equal(metadata.correlation_uid, of(event.call.traceId));
      assert.equal(metadata.event_code, event.method.toWellFormed());
      assert.equal(actor.user?.uid, of(event.call.requesterId));
      assert.deepEqual(
        [unmapped.data_label, unmapped.item_id, unmapped.object_id, unmapped.purpose, unmapped.request_id, unmapped.subject_id],
        [
          event.call.dataLabel,
          event.itemId,
          event.call.objectId,
          event.call.purpose,
          event.call.requestId,
          event.call.subjectId,
        ].map(of),
      );
    }),
    300,
  );
});

test('canonical JSON is one text of a value, however it was laid out', () => {
  check(
    fc.property(fc.jsonValue(), fc.nat(4), (value, indent) => {
      const canonical = canonicalize(value as Json);
      const text = JSON.stringify(value, null, indent);
      assert.equal(canonicalOf(canonical, JSON.parse(canonical)), canonical);
      assert.equal(canonicalOf(text, JSON.parse(text)), canonical);
      assert.equal(canonicalize(JSON.parse(JSON.stringify(JSON.parse(canonical), null, indent))), canonical);
      assert.equal(hasDuplicateNames(text), false);
    }),
    500,
  );
});

test('a name that stands twice is found, however deep and however written', () => {
  check(
    fc.property(fc.tuple(wild, wild), fc.jsonValue(), fc.nat(3), ([name, other], value, depth) => {
      const [first, text] = [JSON.stringify(name.toWellFormed()), JSON.stringify(value)];
      const twice = `{${first}:${text},${JSON.stringify(`${other.toWellFormed()}+`)}:1, ${escaped(name.toWellFormed())} : ${text}}`;
      const nested = '[{"a":'.repeat(depth) + twice + '},"b"]'.repeat(depth);
      assert.equal(hasDuplicateNames(nested), true);
    }),
    300,
  );
});
