import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { KeysideError } from '../../../src/core/errors.ts';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { metadataOf, plain, RPC, textsOf } from '../../fakes/api.ts';
import { Edge, refusalOf, send, until } from '../../fakes/edge.ts';
import { SecretWatch } from '../../fakes/secret-watch.ts';

const FIELDS = { ssn: 'plaintext-of-123-45-6789', note: 'plaintext-of-a-note' };
const ACME = { tenantId: 'acme' };

describe('the daemon, called over gRPC', () => {
  it('encrypts and decrypts, writes one line for each call, and nothing secret in any of them', async (t) => {
    const secrets = new SecretWatch(t);
    const exposed: Buffer[] = [];
    const edge = await Edge.start(t);
    edge.world.keys.alter('acme-main', (key) => ({
      ...key,
      generate: async (context, signal) => {
        const generated = await (key.generate ?? assert.fail('it generates'))(context, signal);
        exposed.push(Buffer.from(generated.dataKey.expose()));
        return generated;
      },
    }));
    const metadata = metadataOf({ dataLabel: 'pii', requestId: 'request-7', requesterId: 'ada' });
    const context = new Map([['row', 'context-value-7']]);
    const encrypted = await send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS), metadata, context } })
      .answer;
    const { fields, edek } = encrypted;
    const decrypted = await send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek, context }, token: 'token-unused' })
      .answer;
    assert.deepEqual(textsOf(decrypted.fields), FIELDS);
    await refusalOf(send(edge.client, RPC.decrypt, { message: { ...ACME, fields, edek } }).answer);
    edge.world.ring.close();
    assert.equal(exposed.length, 1);
    const { log, lines } = edge;
    const secretTexts = [...Object.values(FIELDS), 'context-value-7', 'token-unused'];
    const secretBytes = [...exposed, ...[...fields.values(), edek].map((each) => Buffer.from(each).subarray(0, 40))];
    for (const secret of [...secretTexts, ...secretTexts.map((text) => Buffer.from(text).toString('base64'))]) {
      assert.ok(!log.includes(secret), secret);
    }
    for (const secret of secretBytes) {
      for (const form of ['base64', 'base64url', 'hex'] as const)
        assert.ok(!log.toLowerCase().includes(secret.toString(form).toLowerCase()));
    }
    assert.deepEqual(
      lines.map(({ method, outcome, tenantId, callerId }) => [method, outcome, tenantId, callerId]),
      [
        ['keyside.v1.CryptoService/Encrypt', 'OK', 'acme', 'anonymous'],
        ['keyside.v1.CryptoService/Decrypt', 'OK', 'acme', 'anonymous'],
        ['keyside.v1.CryptoService/Decrypt', 'CIPHERTEXT_REJECTED', 'acme', 'anonymous'],
      ],
    );
    assert.deepEqual(
      [lines[0]?.requestId, lines[0]?.requesterId, lines[0]?.fields, lines[0]?.bytes],
      ['request-7', 'ada', 2, 43],
    );
    assert.ok(lines.every((line) => typeof line.requestId === 'string' && line.requestId !== ''));
    secrets.assertAllWiped();
  });

  it('answers a fault of its own with INTERNAL and nothing else; the cause is in the log', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'throws', error: new TypeError('something private') });
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) } }).answer);
    assert.deepEqual([refusal.code, refusal.reason, refusal.details], [status.INTERNAL, 'INTERNAL', {}]);
    assert.equal(refusal.message, 'INTERNAL: the daemon failed; its log has the cause');
    assert.match(edge.log, /something private/);
    assert.equal(edge.lines[0]?.level, 'error');
  });

  it('refuses what is no message, or holds text that is no UTF-8, as REQUEST_INVALID', async (t) => {
    const edge = await Edge.start(t);
    for (const raw of [Buffer.of(0x0a, 0xff), Buffer.of(0x0a, 0x02, 0xc3, 0x28)]) {
      const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: {}, raw }).answer);
      assert.deepEqual([refusal.code, refusal.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID']);
    }
  });

  const invalid: {
    name: string;
    message: { tenantId?: string; metadata?: ReturnType<typeof metadataOf>; fields?: Map<string, Uint8Array> };
    reason: string;
  }[] = [
    { name: 'no tenant', message: {}, reason: 'REQUEST_INVALID' },
    { name: 'a tenant id that is none', message: { tenantId: 'acme/../globex' }, reason: 'REQUEST_INVALID' },
    { name: 'a tenant that there is not', message: { tenantId: 'nobody' }, reason: 'TENANT_UNKNOWN' },
    {
      name: 'too long a purpose',
      message: { ...ACME, metadata: metadataOf({ purpose: 'x'.repeat(1_025) }) },
      reason: 'REQUEST_INVALID',
    },
    {
      name: 'too large a document',
      message: { ...ACME, fields: new Map([['a', new Uint8Array(2 ** 20 + 1)]]) },
      reason: 'PAYLOAD_TOO_LARGE',
    },
  ];
  for (const { name, message, reason } of invalid) {
    it(`refuses ${name}`, async (t) => {
      const edge = await Edge.start(t);
      assert.equal((await refusalOf(send(edge.client, RPC.encrypt, { message }).answer)).reason, reason);
      assert.equal(edge.world.kms.calls.length, 0);
      const label = edge.world.metrics.requests[0]?.tenantId;
      assert.ok(label === undefined || label === 'acme', 'what callers invent is no label of a metric');
    });
  }

  it('lets only known callers in, and each only at its own tenants and operations', async (t) => {
    const callers = new Callers(false);
    callers.setTokens([
      {
        digest: digestOfToken('of-billing'),
        caller: { id: 'billing', tenants: new Set(['acme']), operations: new Set(['encrypt', 'rewrap']) },
      },
    ]);
    const edge = await Edge.start(t, { callers });
    const encrypt = (tenantId: string, token?: string) =>
      send(edge.client, RPC.encrypt, { message: { tenantId, fields: plain(FIELDS) }, ...(token === undefined ? {} : { token }) })
        .answer;
    const { edek } = await encrypt('acme', 'of-billing');
    assert.equal((await refusalOf(encrypt('acme'))).code, status.UNAUTHENTICATED);
    assert.equal((await refusalOf(encrypt('acme', 'guessed'))).reason, 'CALLER_UNAUTHENTICATED');
    for (const tenantId of ['globex', 'nobody']) {
      const refusal = await refusalOf(encrypt(tenantId, 'of-billing'));
      assert.deepEqual([refusal.code, refusal.reason], [status.PERMISSION_DENIED, 'CALLER_NOT_ALLOWED']);
    }
    const with_ = (rest: object) => ({ message: { ...ACME, edek, ...rest }, token: 'of-billing' });
    assert.equal((await refusalOf(send(edge.client, RPC.decrypt, with_({})).answer)).reason, 'CALLER_NOT_ALLOWED');
    assert.equal((await send(edge.client, RPC.rewrap, with_({})).answer).changed, false);
    const chosen = await refusalOf(send(edge.client, RPC.rewrap, with_({ targetKeyId: 'acme-old' })).answer);
    assert.deepEqual([chosen.reason, chosen.details.operation], ['CALLER_NOT_ALLOWED', 'rewrap-target']);
  });

  it('says of a revoked key whose it is, and that a retry does not help', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.disable('acme-main');
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: ACME }).answer);
    assert.deepEqual([refusal.code, refusal.reason, refusal.retryMs], [status.FAILED_PRECONDITION, 'KEY_REVOKED', undefined]);
  });

  it('ends at the deadline of the caller and aborts the call to the KMS', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'hangs' });
    const { answer } = send(edge.client, RPC.encrypt, { message: ACME, deadlineMs: 60 });
    assert.equal((await refusalOf(answer)).code, status.DEADLINE_EXCEEDED);
    await until('the KMS is let go', () => edge.world.kms.running === 0);
    await until('the call has ended', () => edge.admission.calls === 0);
    // The caller's own clock may let go a moment before the daemon's.
    assert.match(String(edge.lines[0]?.outcome), /^(DEADLINE_EXCEEDED|CANCELLED)$/);
    assert.equal(edge.world.timer.pending, 0);
  });

  it('ends at its own default deadline where the caller states none', async (t) => {
    const edge = await Edge.start(t, { server: { defaultDeadlineMs: 30 } });
    edge.world.kms.script({ kind: 'hangs' });
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: ACME }).answer);
    assert.deepEqual([refusal.code, refusal.reason], [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED']);
  });

  it('ends when the caller cancels and aborts the call to the KMS', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'hangs' });
    const call = send(edge.client, RPC.encrypt, { message: ACME });
    await until('the KMS is asked', () => edge.world.kms.running === 1);
    call.cancel();
    assert.equal((await refusalOf(call.answer)).code, status.CANCELLED);
    await until('the KMS is let go', () => edge.world.kms.running === 0);
    await until('the call has ended', () => edge.admission.calls === 0);
    assert.equal(edge.lines[0]?.outcome, 'CANCELLED');
  });

  it('takes no more calls than it may have, and says when to come again', async (t) => {
    const edge = await Edge.start(t, { maxCalls: 1 });
    edge.world.kms.script({ kind: 'deaf' });
    const running = send(edge.client, RPC.encrypt, { message: ACME });
    await until('the KMS is asked', () => edge.world.kms.running === 1);
    const refusal = await refusalOf(send(edge.client, RPC.listKeys, { message: ACME }).answer);
    assert.deepEqual([refusal.code, refusal.reason, refusal.retryMs], [status.RESOURCE_EXHAUSTED, 'OVERLOADED', 250]);
    assert.deepEqual(refusal.details, { limitCalls: '1' });
    assert.equal(refusal.domain, 'keyside.dev');
    edge.world.kms.answerLate();
    await running.answer;
    await send(edge.client, RPC.listKeys, { message: ACME }).answer;
    assert.equal(edge.world.metrics.inFlight, 0);
  });

  it('drains: new calls are told so, the running one finishes, then the server is gone', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'deaf' });
    const running = send(edge.client, RPC.encrypt, { message: { ...ACME, fields: plain(FIELDS) } });
    await until('the KMS is asked', () => edge.world.kms.running === 1);
    const draining = edge.drain();
    const refusal = await refusalOf(send(edge.client, RPC.encrypt, { message: ACME }).answer);
    assert.deepEqual([refusal.code, refusal.reason, refusal.retryMs], [status.UNAVAILABLE, 'DRAINING', 1_000]);
    edge.world.kms.answerLate();
    assert.equal((await running.answer).fields.size, 2);
    await draining;
    assert.equal((await refusalOf(send(edge.client, RPC.encrypt, { message: ACME, deadlineMs: 200 }).answer)).reason, undefined);
  });

  it('gives up on a call that does not end in the time there is to drain', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'hangs' });
    const running = send(edge.client, RPC.encrypt, { message: ACME });
    await until('the KMS is asked', () => edge.world.kms.running === 1);
    const [refusal] = await Promise.all([refusalOf(running.answer), edge.drain(20)]);
    assert.ok([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL].includes(refusal.code), `code ${refusal.code}`);
    assert.match(edge.log, /calls still ran when the time to drain was over/);
    await until('the KMS is let go', () => edge.world.kms.running === 0);
  });

  it("keeps one tenant's hanging KMS from taking the places of another's calls", async (t) => {
    const edge = await Edge.start(t, { maxCalls: 10, maxCallsPerTenant: 4 });
    edge.world.kms.script({ kind: 'hangs' });
    const hanging = Array.from({ length: 4 }, () => send(edge.client, RPC.encrypt, { message: ACME, deadlineMs: 5_000 }));
    await until('they all wait', () => edge.world.metrics.lookups.length === 4 && edge.world.kms.running === 1);
    const fifth = await refusalOf(send(edge.client, RPC.listKeys, { message: ACME }).answer);
    assert.deepEqual([fifth.reason, fifth.details], ['OVERLOADED', { tenantId: 'acme', limitCalls: '4' }]);
    await send(edge.client, RPC.encrypt, { message: { tenantId: 'globex' } }).answer;
    for (const call of hanging) call.cancel();
    await Promise.all(hanging.map(({ answer }) => refusalOf(answer)));
    await until('they have left', () => edge.admission.calls === 0);
    await send(edge.client, RPC.listKeys, { message: ACME }).answer;
  });
});

describe('a batch over gRPC', () => {
  it('keeps the order and the ids, and gives each document its own error as the unary call would', async (t) => {
    const edge = await Edge.start(t);
    const documents = ['a', 'b', 'c'].map((id) => ({
      id,
      fields: plain({ [id]: id }),
      edek: new Uint8Array(),
      context: new Map([['row', id]]),
    }));
    const { results } = await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents } }).answer;
    assert.deepEqual(
      results.map(({ id, error }) => [id, error]),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    );
    assert.equal(edge.world.callCount('generate'), 1);
    const stored = results.map(({ id, document }) => ({
      id,
      fields: document?.fields ?? new Map(),
      edek: document?.edek ?? new Uint8Array(),
      context: new Map([['row', id === 'b' ? 'wrong' : id]]),
    }));
    const all = [...stored, { id: 'd', fields: new Map(), edek: new Uint8Array(), context: new Map() }];
    const opened = (await send(edge.client, RPC.batchDecrypt, { message: { ...ACME, documents: all } }).answer).results;
    assert.deepEqual(
      opened.map(({ id, document }) => [id, document && textsOf(document.fields)]),
      [
        ['a', { a: 'a' }],
        ['b', undefined],
        ['c', { c: 'c' }],
        ['d', undefined],
      ],
    );
    const unary = await refusalOf(send(edge.client, RPC.decrypt, { message: { ...ACME, ...stored[1] } }).answer);
    assert.deepEqual([opened[1]?.error?.code, opened[1]?.error?.message], [unary.code, unary.message]);
    assert.match(opened[3]?.error?.message ?? '', /^REQUEST_INVALID: edek is missing/);
    const line = edge.lines.find(({ method }) => method === 'keyside.v1.CryptoService/BatchDecrypt');
    assert.deepEqual([line?.outcome, line?.documents, line?.failed], ['OK', 4, 2]);
  });

  it('is answered though the ciphertexts are larger than the largest request', async (t) => {
    const edge = await Edge.start(t, { server: { maxMessageBytes: 64 * 1024 } });
    const fields = new Map(Array.from({ length: 2_000 }, (_, at) => [String(at), Buffer.of(1)]));
    const documents = [{ id: '', fields, edek: new Uint8Array(), context: new Map() }];
    const { results } = await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents } }).answer;
    assert.equal(results[0]?.document?.fields.size, 2_000);
  });

  it('rewraps a lease for one unwrap, one wrap and its proof', async (t) => {
    const edge = await Edge.start(t);
    const documents = Array.from({ length: 100 }, (_, at) => ({
      id: String(at),
      fields: plain({}),
      edek: new Uint8Array(),
      context: new Map(),
    }));
    const encrypted = (await send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents } }).answer).results;
    edge.world.ring.dropTenant(edge.world.tenant().id);
    const stored = encrypted.map(({ id, document }) => ({ id, edek: document?.edek ?? new Uint8Array(), context: new Map() }));
    const calls = await edge.world.callsOf(async () => {
      const message = { ...ACME, documents: stored, targetKeyId: 'acme-old' };
      const { results } = await send(edge.client, RPC.batchRewrap, { message }).answer;
      assert.ok(results.every(({ document }) => document?.changed === true && document.keyId === 'acme-old'));
    });
    assert.deepEqual(calls, { unwrap: 2, wrap: 1 });
  });

  it('fails as a whole where the request is at fault, or the fault is ours', async (t) => {
    const edge = await Edge.start(t, { server: { limits: { maxDocumentBytes: 100, maxFields: 10, maxBatchDocuments: 2 } } });
    const document = { id: '', fields: plain({}), edek: new Uint8Array(), context: new Map() };
    const batch = (message: object) => refusalOf(send(edge.client, RPC.batchEncrypt, { message }).answer);
    assert.equal((await batch({ ...ACME, documents: [document, document, document] })).reason, 'PAYLOAD_TOO_LARGE');
    assert.equal((await batch({ tenantId: 'nobody', documents: [] })).reason, 'TENANT_UNKNOWN');
    edge.world.kms.script({ kind: 'throws', error: new KeysideError('INTERNAL', 'something private') });
    const fault = await batch({ ...ACME, documents: [document, document] });
    assert.deepEqual([fault.code, fault.message], [status.INTERNAL, 'INTERNAL: the daemon failed; its log has the cause']);
  });

  it('ends with the caller', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.script({ kind: 'hangs' });
    const documents = [{ id: '', fields: plain({}), edek: new Uint8Array(), context: new Map() }];
    const refusal = await refusalOf(
      send(edge.client, RPC.batchEncrypt, { message: { ...ACME, documents }, deadlineMs: 50 }).answer,
    );
    assert.equal(refusal.code, status.DEADLINE_EXCEEDED);
    await until('the KMS is let go', () => edge.world.kms.running === 0);
  });
});

describe('the key service over gRPC', () => {
  it('probes, lists and drops keys', async (t) => {
    const edge = await Edge.start(t);
    const checked = await send(edge.client, RPC.checkKey, { message: ACME }).answer;
    assert.deepEqual(
      [checked.key?.keyId, checked.usable, checked.kmsState, checked.keyVersion],
      ['acme-main', true, 'enabled', '1'],
    );
    assert.ok(checked.wrapLatency !== undefined && checked.unwrapLatency !== undefined && checked.error === undefined);
    const { keys } = await send(edge.client, RPC.listKeys, { message: ACME }).answer;
    assert.deepEqual(
      keys.map(({ keyId, provider, state, custody, vendorDefault }) => [keyId, provider, state, custody, vendorDefault]),
      [
        ['acme-main', 'aws', 1, 'customer', false],
        ['acme-old', 'aws', 2, 'customer', false],
      ],
    );
    await send(edge.client, RPC.encrypt, { message: ACME }).answer;
    assert.equal((await send(edge.client, RPC.dropKeys, { message: ACME }).answer).dropped, 2);
    assert.equal(
      (await refusalOf(send(edge.client, RPC.checkKey, { message: { ...ACME, keyId: 'no key' } }).answer)).reason,
      'REQUEST_INVALID',
    );
  });

  it('tells of a key that fails its probe why, as an answer', async (t) => {
    const edge = await Edge.start(t);
    edge.world.kms.disable('acme-main');
    const { usable, kmsState, error, wrapLatency } = await send(edge.client, RPC.checkKey, { message: ACME }).answer;
    assert.deepEqual([usable, kmsState, error?.code, wrapLatency], [false, 'disabled', status.FAILED_PRECONDITION, undefined]);
    assert.match(error?.message ?? '', /^KEY_REVOKED: /);
  });
});
