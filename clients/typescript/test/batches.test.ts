import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  BatchEncryptResponse,
  BatchRewrapRequest,
  BatchRewrapResponse,
} from '../src/gen/keyside/v1/crypto.ts';
import { CiphertextRejectedError, KeysideError } from '../src/index.ts';
import { connected, statusOf } from './fake-daemon.ts';

const EDEK = Uint8Array.of(7);
const REJECTED = statusOf({ code: 3, message: 'CIPHERTEXT_REJECTED: no', reason: 'CIPHERTEXT_REJECTED' });

describe('a batch', () => {
  it('encrypts each document under its own context, or that of the call', async (t) => {
    const document = { edek: EDEK, fields: new Map([['a', Uint8Array.of(1)]]) };
    const results = ['x', '', ''].map((id) => ({ id, document, error: undefined }));
    const { client, daemon } = await connected(t, [BatchEncryptResponse.encode({ results }).finish()]);
    const documents = [
      { id: 'x', fields: { a: 'text' }, context: { row: '1' } },
      { fields: { a: EDEK } },
      { fields: {}, edek: EDEK },
    ];
    const found = await client.encryptBatch(documents, { tenantId: 'acme', purpose: 'import', context: { table: 't' } });
    assert.deepEqual(
      found.map(({ id, document: sealed }) => [id, [...(sealed?.edek ?? [])], sealed?.fields.size]),
      [
        ['x', [7], 1],
        ['', [7], 1],
        ['', [7], 1],
      ],
    );
    const request = BatchEncryptRequest.decode(daemon.calls[0]?.request as Uint8Array);
    assert.deepEqual([request.tenantId, request.metadata?.purpose], ['acme', 'import']);
    assert.deepEqual(
      request.documents.map((each) => [each.id, Object.fromEntries(each.context), each.edek.length]),
      [
        ['x', { row: '1' }, 0],
        ['', { table: 't' }, 0],
        ['', { table: 't' }, 1],
      ],
    );
  });

  it('gives each document or its error, of its own type', async (t) => {
    const results = [
      { id: '1', document: { fields: new Map([['a', Buffer.from('plain')]]) }, error: undefined },
      { id: '2', document: undefined, error: REJECTED },
    ];
    const { client, daemon } = await connected(t, [BatchDecryptResponse.encode({ results }).finish()]);
    const stored = [1, 2].map((id) => ({ id: String(id), edek: EDEK, fields: { a: EDEK } }));
    const [first, second] = await client.decryptBatch(stored, { tenantId: 'acme' });
    assert.ok(first?.error === undefined);
    assert.equal(first?.document.text('a'), 'plain');
    assert.ok(second?.error instanceof CiphertextRejectedError);
    assert.deepEqual([second.id, second.document, second.error.code], ['2', undefined, 'INVALID_ARGUMENT']);
    assert.equal(BatchDecryptRequest.decode(daemon.calls[0]?.request as Uint8Array).documents[1]?.id, '2');
  });

  it('rewraps under the key that is asked for', async (t) => {
    const results = [{ id: '', document: { edek: EDEK, keyId: 'acme-2', changed: true }, error: undefined }];
    const { client, daemon } = await connected(t, [BatchRewrapResponse.encode({ results }).finish()]);
    const found = await client.rewrapBatch([{ edek: EDEK }], { tenantId: 'acme' }, { targetKeyId: 'acme-2' });
    assert.deepEqual([found[0]?.document?.keyId, found[0]?.document?.isChanged], ['acme-2', true]);
    assert.equal(BatchRewrapRequest.decode(daemon.calls[0]?.request as Uint8Array).targetKeyId, 'acme-2');
  });

  const result = (id: string) => ({ id, document: { edek: EDEK, keyId: 'acme-1', changed: true }, error: undefined });
  const answers = {
    'a result too few': [result('1')],
    'a result too many': [result('1'), result('2'), result('2')],
    'an empty result': [result('1'), { id: '2', document: undefined, error: undefined }],
    'results in another order': [result('2'), result('1')],
    'a result of no item': [result('1'), result('')],
    'an error of another item': [result('1'), { id: '3', document: undefined, error: REJECTED }],
  };
  for (const [name, results] of Object.entries(answers)) {
    it(`is refused an answer with ${name}: none is taken for another`, async (t) => {
      const { client } = await connected(t, [BatchRewrapResponse.encode({ results }).finish()]);
      const items = ['1', '2'].map((id) => ({ id, edek: EDEK }));
      await assert.rejects(client.rewrapBatch(items, { tenantId: 'acme' }), (error) => {
        return error instanceof KeysideError && error.reason === 'INTERNAL';
      });
    });
  }
});
