import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '../../../src/audit/event.ts';
import { chainOf, recordLine } from '../../../src/audit/ocsf.ts';
import { NO_PREVIOUS } from '../../../src/audit/record-place.ts';
import { isSecurityEventName, SECURITY_EVENTS, securityMapping } from '../../../src/audit/security-events.ts';
import { CALL, callEvent, dataEvent, keyEvent, NO_CALL, SAMPLES, securityEvent } from '../../fakes/audit-events.ts';

const PLACE = { sequence: 17, timeMs: 1_795_514_400_123, chainSequence: 4, previous: NO_PREVIOUS, checkpoint: 2 };
const SOURCE = { sidecar: 'sidecar-1', start: 'start-1', version: '0.1.0' };

function recordOf(event: AuditEvent): ReturnType<typeof JSON.parse> {
  return JSON.parse(recordLine(event, PLACE, SOURCE));
}

describe('a record', () => {
  it('says where it stands', () => {
    for (const { event } of SAMPLES) {
      const { metadata, unmapped } = recordOf(event);
      assert.deepEqual([metadata.uid, metadata.sequence, metadata.logged_time], ['start-1-17', 17, PLACE.timeMs]);
      assert.deepEqual(unmapped.chain, {
        sidecar: 'sidecar-1',
        start: 'start-1',
        sequence: 4,
        previous: NO_PREVIOUS,
        checkpoint: 2,
      });
      assert.equal(unmapped.kind, event.kind);
      assert.equal(metadata.tenant_uid ?? '', chainOf(event));
    }
  });

  it('of a document says who used it, for whom, and by which key', () => {
    const record = recordOf(dataEvent({ kind: 'decrypt', method: 'Decrypt', durationMs: 12.6 }));
    assert.deepEqual([record.class_uid, record.activity_id, record.type_uid], [6005, 10, 600_510]);
    assert.deepEqual(record.actor, { app_name: 'billing', user: { uid: 'ada@acme.example' } });
    assert.deepEqual(record.src_endpoint, { ip: '192.0.2.17', svc_name: 'billing' });
    assert.deepEqual([record.status_id, record.status_code, record.duration], [1, 'OK', 13]);
    assert.deepEqual(record.unmapped.keys, [{ from: 'cache', id: 'acme-2026', provider: 'aws', version: '7' }]);
    assert.deepEqual([record.unmapped.fields, record.unmapped.bytes, record.unmapped.duration_us], [3, 1024, 12_600]);
    assert.equal(record.metadata.correlation_uid, CALL.traceId);
  });

  it('leaves out what is not known', () => {
    const { actor, metadata, src_endpoint: endpoint, unmapped } = recordOf(dataEvent({ call: NO_CALL, keys: [] }));
    assert.deepEqual([actor, endpoint], [{ app_name: 'unknown' }, { svc_name: 'unknown' }]);
    assert.ok(!('correlation_uid' in metadata));
    assert.deepEqual(Object.keys(unmapped), ['bytes', 'chain', 'duration_us', 'fields', 'keys', 'kind', 'phase']);
  });

  const denials = [
    { name: 'a policy', event: dataEvent({ outcome: 'POLICY_DENIED' }), disposition: 2 },
    { name: 'a caller that may not', event: dataEvent({ outcome: 'CALLER_NOT_ALLOWED' }), disposition: 26 },
    { name: 'the customer', event: keyEvent({ action: 'refuse', outcome: 'KEY_REVOKED' }), disposition: 24 },
    {
      name: 'a ciphertext that does not verify',
      event: dataEvent({ kind: 'decrypt', outcome: 'CIPHERTEXT_REJECTED' }),
      disposition: 25,
    },
    { name: 'the application', event: securityEvent({ name: 'DATA_DENY_ACCESS' }), disposition: 2 },
  ];
  for (const { name, event, disposition } of denials) {
    it(`tells a denial from a failure: ${name}`, () => {
      const record = recordOf(event);
      assert.deepEqual([record.action_id, record.disposition_id, record.status_id, record.severity_id], [2, disposition, 2, 3]);
      assert.deepEqual(record.metadata.profiles, ['security_control']);
    });
  }

  it('a failure that is no denial is none', () => {
    const record = recordOf(dataEvent({ outcome: 'KMS_TIMEOUT' }));
    assert.deepEqual([record.status_id, record.severity_id, record.status_code], [2, 2, 'KMS_TIMEOUT']);
    assert.ok(!('action_id' in record) && !('profiles' in record.metadata));
  });

  it('of dropped keys says who asked for it, others of keys that the daemon acted', () => {
    const { actor, src_endpoint: endpoint, unmapped } = recordOf(keyEvent({ action: 'drop', call: CALL }));
    assert.deepEqual(actor, { app_name: 'billing', user: { uid: 'ada@acme.example' } });
    assert.deepEqual(endpoint, { ip: '192.0.2.17', svc_name: 'billing' });
    assert.equal(unmapped.request_id, CALL.requestId);
    assert.deepEqual(recordOf(keyEvent()).actor, { app_name: 'keyside', app_uid: 'sidecar-1' });
  });

  it('of a call without a document names the RPC, who called, and how it ended', () => {
    const record = recordOf(callEvent({ method: 'DropKeys', outcome: 'CALLER_NOT_ALLOWED' }));
    assert.deepEqual([record.class_uid, record.activity_id, record.api.operation], [6003, 4, 'DropKeys']);
    assert.deepEqual([record.status_id, record.status_code, record.disposition_id], [2, 'CALLER_NOT_ALLOWED', 26]);
    assert.equal(record.actor.app_name, 'billing');
    assert.equal(record.unmapped.request_id, CALL.requestId);
    const other = recordOf(callEvent({ method: 'Another' }));
    assert.deepEqual([other.activity_id, other.activity_name], [99, 'Another']);
  });

  it('of the application keeps the time that it states', () => {
    const record = recordOf(securityEvent({ occurredAtMs: 5 }));
    assert.deepEqual([record.time, record.metadata.logged_time], [5, PLACE.timeMs]);
  });

  it('of a user is about the target, else the requester', () => {
    assert.equal(recordOf(securityEvent({ name: 'USER_SUSPEND', targetUserId: 'grace' })).user.uid, 'grace');
    assert.equal(recordOf(securityEvent({ name: 'USER_SUSPEND' })).user.uid, CALL.requesterId);
    assert.equal(recordOf(securityEvent({ name: 'ADMIN_ADD' })).user.type_id, 2);
  });
});

describe('names of security events', () => {
  it('are those of the table, and CUSTOM_ with a name', () => {
    for (const name of [...Object.keys(SECURITY_EVENTS), 'CUSTOM_A', `CUSTOM_${'Z'.repeat(57)}`])
      assert.ok(isSecurityEventName(name), name);
    for (const name of [
      '',
      'USER_SING',
      'toString',
      'CUSTOM_',
      'CUSTOM_a',
      `CUSTOM_${'Z'.repeat(58)}`,
      'user_login',
      'USER_LOGIN ',
    ]) {
      assert.ok(!isSecurityEventName(name), name);
    }
  });

  it('of the application’s own making are API Activity under their own name', () => {
    assert.deepEqual(securityMapping('CUSTOM_PRICE'), { class: 'apiActivity', activityId: 99, activity: 'CUSTOM_PRICE' });
    assert.equal(recordOf(securityEvent({ name: 'CUSTOM_PRICE' })).api.operation, 'CUSTOM_PRICE');
  });

  it('cover every category', () => {
    const count = (prefix: string) => Object.keys(SECURITY_EVENTS).filter((name) => name.startsWith(prefix)).length;
    assert.deepEqual([count('ADMIN_'), count('DATA_'), count('PERIODIC_'), count('USER_')], [4, 8, 2, 17]);
  });
});
