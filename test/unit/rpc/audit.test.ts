import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { CallEvent, DataEvent, KeyEvent, SecurityEvent } from '../../../src/audit/event.ts';
import { NO_AUDIT } from '../../../src/audit/trail.ts';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { metadataOf, plain, RPC } from '../../fakes/api.ts';
import { Edge, readDetails, refusalOf, send, until } from '../../fakes/edge.ts';
import { broken, RecordedTrail } from '../../fakes/recorded-trail.ts';
import { answered, chunk, decryptCall, decrypted, decryptOpening, encrypted } from '../../fakes/streams.ts';

const ACME = { tenantId: 'acme' };
const FIELDS = { ssn: '123-45-6789', note: 'a note' };

async function started(t: Parameters<typeof Edge.start>[0], callers?: Callers): Promise<{ edge: Edge; trail: RecordedTrail }> {
  const trail = new RecordedTrail();
  const edge = await Edge.start(t, { ...(callers === undefined ? {} : { callers }), server: { audit: trail } });
  return { edge, trail };
}

function callsOf(trail: RecordedTrail): CallEvent[] {
  return trail.events.filter((event): event is CallEvent => 'method' in event && !('phase' in event));
}

/** May use globex, and nothing of acme. */
function strangers(): Callers {
  const callers = new Callers(false);
  const stranger = { id: 'stranger', tenants: new Set(['globex']), operations: 'all' as const };
  const friend = { id: 'friend', tenants: 'all' as const, operations: 'all' as const };
  callers.setTokens([
    { digest: digestOfToken('token-of-stranger'), caller: stranger },
    { digest: digestOfToken('token-of-friend'), caller: friend },
  ]);
  return callers;
}

function dataOf(trail: RecordedTrail): DataEvent[] {
  return trail.events.filter((event): event is DataEvent => 'phase' in event);
}

describe('the audit trail of calls', () => {
  it('has a record for each document that is encrypted, decrypted and rewrapped, and of what it was used with', async (t) => {
    const { edge, trail } = await started(t);
    const metadata = metadataOf({
      dataLabel: 'pii',
      requestId: 'request-7',
      requesterId: 'ada',
      sourceIp: '192.0.2.7',
      objectId: 'invoice-1',
      purpose: 'support',
      subjectId: 'customer-3',
      attributes: new Map([['ticket', 'T-1']]),
    });
    const { fields, edek } = await send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS), metadata } })
      .answer;
    await send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek } }).answer;
    await send(edge.client, RPC.rewrap, { message: { ...ACME, edek } }).answer;
    const events = dataOf(trail);
    assert.deepEqual(
      events.map(({ kind, method, outcome, phase, fields: count, bytes }) => [kind, method, outcome, phase, count, bytes]),
      [
        ['encrypt', 'Encrypt', 'OK', 'whole', 2, 17],
        ['decrypt', 'Decrypt', 'OK', 'whole', 2, 17],
        ['rewrap', 'Rewrap', 'OK', 'whole', 0, 0],
      ],
    );
    const [first, second] = events;
    assert.deepEqual(first?.call, {
      callerId: 'anonymous',
      requesterId: 'ada',
      requestId: 'request-7',
      traceId: '',
      sourceIp: '192.0.2.7',
      dataLabel: 'pii',
      purpose: 'support',
      objectId: 'invoice-1',
      subjectId: 'customer-3',
      attributes: new Map([['ticket', 'T-1']]),
    });
    assert.deepEqual(
      first?.keys.map(({ keyId, provider }) => [keyId, provider]),
      [['acme-main', 'aws']],
    );
    assert.deepEqual([first?.keys[0]?.from, second?.keys[0]?.from], ['kms', 'cache']);
    assert.notEqual(second?.call.requestId, '');
    assert.ok((first?.durationMs ?? -1) >= 0);
  });

  it('has one for each item of a batch, with its own outcome', async (t) => {
    const { edge, trail } = await started(t);
    const documents = ['a', 'b'].map((id) => ({ id, fields: plain(FIELDS), edek: new Uint8Array(), context: new Map() }));
    const { results } = await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents } }).answer;
    const sealed = results.map(({ id, document }) => ({
      id,
      fields: document?.fields ?? new Map(),
      edek: document?.edek ?? new Uint8Array(),
      context: new Map<string, string>(id === 'b' ? [['row', 'another']] : []),
    }));
    await send(edge.client, RPC.batchDecrypt, { message: { ...ACME, documents: sealed } }).answer;
    assert.deepEqual(
      dataOf(trail).map(({ method, itemId, outcome, bytes }) => [method, itemId, outcome, bytes]),
      [
        ['BatchEncrypt', 'a', 'OK', 17],
        ['BatchEncrypt', 'b', 'OK', 17],
        ['BatchDecrypt', 'a', 'OK', 17],
        ['BatchDecrypt', 'b', 'CIPHERTEXT_REJECTED', 0],
      ],
    );
    assert.equal(new Set(dataOf(trail).map(({ call }) => call.requestId)).size, 2);
  });

  it('answers nobody, with a result or a refusal, before the record is durable', async (t) => {
    const { edge, trail } = await started(t);
    const { fields, edek } = await send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) } }).answer;
    for (const context of [new Map<string, string>(), new Map([['row', 'another']])]) {
      const held = Promise.withResolvers<void>();
      trail.hold = held.promise;
      const before = trail.events.length;
      let isAnswered = false;
      const answer = send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek, context } }).answer;
      const ended = answer.then(
        () => true,
        () => true,
      );
      void ended.then(() => {
        isAnswered = true;
      });
      await until('the record is written', () => trail.events.length > before);
      for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(isAnswered, false);
      held.resolve();
      assert.equal(await ended, true);
      trail.hold = undefined;
    }
    assert.equal(edge.admission.calls, 0);
  });

  it('gives AUDIT_UNAVAILABLE in place of a result, or of a refusal, whose record cannot be kept', async (t) => {
    const { edge, trail } = await started(t);
    const { fields, edek } = await send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) } }).answer;
    for (const context of [new Map<string, string>(), new Map([['row', 'another']])]) {
      trail.hold = Promise.reject(broken());
      trail.hold.catch(() => undefined);
      const refusal = await refusalOf(send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek, context } }).answer);
      assert.deepEqual([refusal.code, refusal.reason], [status.UNAVAILABLE, 'AUDIT_UNAVAILABLE']);
      assert.ok((refusal.retryMs ?? 0) > 0);
    }
    trail.hold = undefined;
    trail.breaksAfter = 0;
    const refusal = await refusalOf(send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek } }).answer);
    assert.equal(refusal.reason, 'AUDIT_UNAVAILABLE');
  });

  it('asks no KMS while records cannot be kept', async (t) => {
    const { edge, trail } = await started(t);
    trail.isBroken = true;
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) } }).answer);
    assert.equal(refusal.reason, 'AUDIT_UNAVAILABLE');
    assert.deepEqual(edge.world.kms.calls, []);
    const documents = [{ id: 'a', fields: plain(FIELDS), edek: new Uint8Array(), context: new Map() }];
    const { results } = await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents } }).answer;
    assert.equal(readDetails(results[0]?.error).reason, 'AUDIT_UNAVAILABLE');
  });

  it('has what callers were denied for a tenant there is, and nothing of tenants that strangers invent', async (t) => {
    const callers = new Callers(false);
    const reader = { id: 'reader', tenants: new Set(['acme', 'nobody']), operations: new Set(['decrypt']) };
    callers.setTokens([{ digest: digestOfToken('token-of-reader'), caller: reader }]);
    const { edge, trail } = await started(t, callers);
    const fields = plain(FIELDS);
    const refused = async (tenantId: string, token?: string): Promise<string | undefined> =>
      (await refusalOf(send(edge.client, RPC.encrypt, { message: { tenantId, fields }, ...(token ? { token } : {}) }).answer))
        .reason;
    assert.equal(await refused('acme', 'token-of-reader'), 'CALLER_NOT_ALLOWED');
    assert.equal(await refused('nobody', 'token-of-reader'), 'CALLER_NOT_ALLOWED');
    assert.equal(await refused('acme'), 'CALLER_UNAUTHENTICATED');
    assert.deepEqual(
      dataOf(trail).map(({ tenantId, outcome, call, kind }) => [tenantId, outcome, call.callerId, kind]),
      [['acme', 'CALLER_NOT_ALLOWED', 'reader', 'encrypt']],
    );
  });

  it('has two records for a stream: before the first byte leaves, and at its end', async (t) => {
    const { edge, trail } = await started(t);
    const object = await encrypted(edge, randomBytes(100_000));
    const plaintext = await decrypted(edge, object.bytes);
    assert.equal(plaintext.length, 100_000);
    assert.deepEqual(
      dataOf(trail).map(({ kind, method, phase, bytes, outcome }) => [kind, method, phase, bytes, outcome]),
      [
        ['encrypt', 'EncryptStream', 'opened', 0, 'OK'],
        ['encrypt', 'EncryptStream', 'ended', 100_000, 'OK'],
        ['decrypt', 'DecryptStream', 'opened', 0, 'OK'],
        ['decrypt', 'DecryptStream', 'ended', object.bytes.length - object.edek.length, 'OK'],
      ],
    );
    const altered = Buffer.from(object.bytes);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    await assert.rejects(decrypted(edge, altered));
    assert.deepEqual(
      dataOf(trail)
        .slice(4)
        .map(({ phase, outcome }) => [phase, outcome]),
      [
        ['opened', 'OK'],
        ['ended', 'CIPHERTEXT_REJECTED'],
      ],
    );
  });

  it('lets nothing of a stream leave before its opening is durable', async (t) => {
    const { edge, trail } = await started(t);
    const object = await encrypted(edge, randomBytes(1_000));
    const held = Promise.withResolvers<void>();
    trail.hold = held.promise;
    const before = trail.events.length;
    const call = decryptCall(edge);
    let messages = 0;
    call.on('data', () => {
      messages += 1;
    });
    const answer = answered(call as never);
    call.write(decryptOpening({}));
    call.write(chunk(object.bytes));
    call.end();
    await until('the opening is recorded', () => trail.events.length > before);
    for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(messages, 0);
    held.resolve();
    assert.equal((await answer).bytes.length, 1_000);
  });

  it('has what the application reports', async (t) => {
    const { edge, trail } = await started(t);
    const message = {
      ...ACME,
      event: 'USER_REJECT_LOGIN',
      metadata: metadataOf({ requesterId: 'eve', attributes: new Map([['ip', 'v']]) }),
      occurredAt: new Date(1_790_000_000_123),
      targetUserId: 'ada',
      message: 'wrong password',
    };
    const { recordId } = await send(edge.client, RPC.logSecurityEvent, { message }).answer;
    assert.equal(recordId, 'start-1');
    const [event] = trail.events as SecurityEvent[];
    assert.deepEqual(
      [event?.kind, event?.name, event?.tenantId, event?.occurredAtMs, event?.targetUserId, event?.message],
      ['security', 'USER_REJECT_LOGIN', 'acme', 1_790_000_000_123, 'ada', 'wrong password'],
    );
    assert.equal(event?.call.requesterId, 'eve');
    for (const [change, reason] of [
      [{ event: 'LOGIN' }, 'REQUEST_INVALID'],
      [{ targetUserId: 'x'.repeat(1_025) }, 'REQUEST_INVALID'],
      [{ message: 'x'.repeat(4_097) }, 'REQUEST_INVALID'],
      [{ tenantId: 'nobody' }, 'TENANT_UNKNOWN'],
    ] as const) {
      assert.equal(
        (await refusalOf(send(edge.client, RPC.logSecurityEvent, { message: { ...message, ...change } }).answer)).reason,
        reason,
      );
    }
    assert.deepEqual(
      callsOf(trail).map(({ kind, method, outcome, call }) => [kind, method, outcome, call.requesterId]),
      Array.from({ length: 3 }, () => ['security', 'LogSecurityEvent', 'REQUEST_INVALID', 'eve']),
    );
    assert.equal(trail.events.length, 4);
  });

  it('does not let an event seem to be kept where nothing is', async (t) => {
    const edge = await Edge.start(t, { server: { audit: NO_AUDIT } });
    const message = { ...ACME, event: 'CUSTOM_EXPORT' };
    assert.equal((await refusalOf(send(edge.client, RPC.logSecurityEvent, { message }).answer)).reason, 'AUDIT_UNAVAILABLE');
  });

  it('has the dropping of keys', async (t) => {
    const { edge, trail } = await started(t);
    await send(edge.client, RPC.dropKeys, { message: { ...ACME, keyId: 'acme-main' } }).answer;
    const [event] = trail.events as KeyEvent[];
    assert.deepEqual([event?.kind, event?.action, event?.keyId, event?.provider], ['key', 'drop', 'acme-main', 'aws']);
    assert.equal(event?.call?.callerId, 'anonymous');
    assert.notEqual(event?.call?.requestId, '');
    await send(edge.client, RPC.dropKeys, { message: { ...ACME, keyId: 'of-old' } }).answer;
    assert.deepEqual(
      callsOf(trail).map(({ kind, method, outcome }) => [kind, method, outcome]),
      [['key', 'DropKeys', 'OK']],
    );
  });

  it('has who had a key probed, before that is answered', async (t) => {
    const { edge, trail } = await started(t);
    const held = Promise.withResolvers<void>();
    trail.hold = held.promise;
    let isAnswered = false;
    const answer = send(edge.client, RPC.checkKey, { message: ACME }).answer.then(({ usable }) => {
      isAnswered = true;
      return usable;
    });
    await until('the record is written', () => trail.events.length === 1);
    for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isAnswered, false);
    held.resolve();
    assert.equal(await answer, true);
    assert.deepEqual(
      callsOf(trail).map(({ kind, method, outcome, call }) => [kind, method, outcome, call.callerId]),
      [['key', 'CheckKey', 'OK', 'anonymous']],
    );
  });

  it('has what was denied of keys and of events', async (t) => {
    const { edge, trail } = await started(t, strangers());
    const token = 'token-of-stranger';
    for (const answer of [
      send(edge.client, RPC.checkKey, { message: ACME, token }).answer,
      send(edge.client, RPC.dropKeys, { message: ACME, token }).answer,
      send(edge.client, RPC.listKeys, { message: ACME, token }).answer,
      send(edge.client, RPC.logSecurityEvent, { message: { ...ACME, event: 'USER_ADD' }, token }).answer,
    ]) {
      assert.equal((await refusalOf(answer)).reason, 'CALLER_NOT_ALLOWED');
    }
    assert.deepEqual(
      callsOf(trail)
        .map(({ kind, method, outcome, call, tenantId }) => [method, kind, outcome, call.callerId, tenantId])
        .sort(),
      [
        ['CheckKey', 'key', 'CALLER_NOT_ALLOWED', 'stranger', 'acme'],
        ['DropKeys', 'key', 'CALLER_NOT_ALLOWED', 'stranger', 'acme'],
        ['ListKeys', 'key', 'CALLER_NOT_ALLOWED', 'stranger', 'acme'],
        ['LogSecurityEvent', 'security', 'CALLER_NOT_ALLOWED', 'stranger', 'acme'],
      ],
    );
    assert.equal(trail.events.length, 4);
  });

  it('has documents that were refused for their form, each of a batch', async (t) => {
    const { edge, trail } = await started(t);
    const large = new Map([['a', new Uint8Array(2 ** 20 + 1)]]);
    const item = { fields: plain(FIELDS), edek: new Uint8Array(), context: new Map<string, string>() };
    await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents: [{ ...item, id: 'a', fields: large }] } }).answer;
    await send(edge.client, RPC.batchDecrypt, { message: { ...ACME, documents: [{ ...item, id: 'b' }] } }).answer;
    await refusalOf(send(edge.client, RPC.encrypt, { message: { ...ACME, fields: large } }).answer);
    await refusalOf(send(edge.client, RPC.rewrap, { message: ACME }).answer);
    const metadata = metadataOf({ purpose: 'a\n' });
    await refusalOf(send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS), metadata } }).answer);
    assert.deepEqual(
      dataOf(trail).map(({ method, itemId, outcome }) => [method, itemId, outcome]),
      [
        ['BatchEncrypt', 'a', 'PAYLOAD_TOO_LARGE'],
        ['BatchDecrypt', 'b', 'REQUEST_INVALID'],
        ['Encrypt', '', 'PAYLOAD_TOO_LARGE'],
        ['Rewrap', '', 'REQUEST_INVALID'],
        ['Encrypt', '', 'REQUEST_INVALID'],
      ],
    );
  });

  it('has the attributes of a call once', async (t) => {
    const { edge, trail } = await started(t);
    const item = { fields: plain(FIELDS), edek: new Uint8Array(), context: new Map<string, string>() };
    const metadata = metadataOf({ requestId: 'request-7', attributes: new Map([['ticket', 'T-1']]) });
    const documents = ['a', 'b', 'c'].map((id) => ({ ...item, id }));
    await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents, metadata } }).answer;
    assert.deepEqual(
      dataOf(trail).map(({ call }) => [call.requestId, call.attributes.size]),
      [
        ['request-7', 1],
        ['request-7', 0],
        ['request-7', 0],
      ],
    );
  });

  it('takes denials for the places of who is denied, not of the tenant', async (t) => {
    const trail = new RecordedTrail();
    const limits = { maxCalls: 10, maxCallsPerTenant: 1, maxCallsPerCaller: 2 };
    const edge = await Edge.start(t, { callers: strangers(), ...limits, server: { audit: trail } });
    const held = Promise.withResolvers<void>();
    trail.hold = held.promise;
    const encrypt = (token: string) =>
      send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) }, token }).answer;
    const denied = [refusalOf(encrypt('token-of-stranger')), refusalOf(encrypt('token-of-stranger'))];
    await until('both denials are recorded', () => trail.events.length === 2);
    assert.equal((await refusalOf(encrypt('token-of-stranger'))).reason, 'OVERLOADED');
    const answer = encrypt('token-of-friend');
    await until('another caller is served', () => trail.events.length === 3);
    held.resolve();
    await answer;
    for (const { reason } of await Promise.all(denied)) assert.equal(reason, 'CALLER_NOT_ALLOWED');
    assert.deepEqual(
      dataOf(trail).map(({ call, outcome }) => [call.callerId, outcome]),
      [
        ['stranger', 'CALLER_NOT_ALLOWED'],
        ['stranger', 'CALLER_NOT_ALLOWED'],
        ['friend', 'OK'],
      ],
    );
  });
});
