import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataTexts } from '../../../src/audit/ocsf-data-texts.ts';
import { parseTenantId } from '../../../src/core/ids.ts';
import { CALL, dataEvent } from '../../fakes/audit-events.ts';

const SOURCE = { sidecar: 'sidecar-1', start: 'start-1', version: '0.1.0' };

test('texts are made once for records that have their facts in common, and anew where one differs', () => {
  const first = dataTexts(dataEvent(), SOURCE);
  assert.equal(dataTexts(dataEvent({ bytes: 7, call: { ...CALL, requestId: 'another' } }), SOURCE), first);
  const others = [
    dataEvent({ kind: 'decrypt' }),
    dataEvent({ tenantId: parseTenantId('globex') }),
    dataEvent({ method: 'BatchEncrypt' }),
    dataEvent({ outcome: 'KEY_REVOKED' }),
    dataEvent({ call: { ...CALL, callerId: 'another' } }),
  ];
  for (const event of others) assert.notDeepEqual(dataTexts(event, SOURCE), first);
  assert.notDeepEqual(dataTexts(dataEvent(), { ...SOURCE, start: 'start-2' }), first);
  assert.equal(dataTexts(dataEvent(), SOURCE), first);
});

test('what callers invent does not grow what is kept without bound, and texts stay right', () => {
  const first = dataTexts(dataEvent(), SOURCE);
  for (let at = 0; at < 2_000; at += 1) dataTexts(dataEvent({ call: { ...CALL, callerId: `caller-${at}` } }), SOURCE);
  const again = dataTexts(dataEvent(), SOURCE);
  assert.notEqual(again, first);
  assert.deepEqual(again, first);
});
