import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { EncryptRequest, EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import { type ByteStream, type KeysideClient, RequestInvalidError } from '../src/index.ts';
import { connected } from './fake-daemon.ts';

const ACME = { tenantId: 'acme' };
const EDEK = Uint8Array.of(7);
const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: EDEK }).finish();

async function taken(stream: ByteStream): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** A class of the application's that is no record. */
class Row {
  readonly ssn = '123';
}

const NO_RECORDS: readonly unknown[] = ['text', 5, true, null, ['a'], new Row(), new Set(['a']), new WeakMap(), EDEK];

describe('what a call is given', () => {
  it('is the same where a Map, an object or bytes come from another realm', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    const foreign = runInNewContext(`({
      fields: new Map([['a', new Uint8Array([1])]]),
      plain: { a: new Uint8Array([1]) },
      context: new Map([['row', '1']]),
    })`);
    await client.encrypt(foreign.fields, { ...ACME, context: foreign.context, attributes: foreign.context });
    await client.encrypt(foreign.plain, { ...ACME, context: { row: '1' }, attributes: { row: '1' } });
    await client.encrypt(Object.assign(Object.create(null), foreign.plain), { ...ACME, context: { row: '1' } });
    const requests = daemon.calls.map(({ request }) => EncryptRequest.decode(request));
    assert.deepEqual(
      requests.map(({ fields, context, metadata }) => [
        [...(fields.get('a') ?? [])],
        context.get('row'),
        metadata?.attributes.size,
      ]),
      [
        [[1], '1', 1],
        [[1], '1', 1],
        [[1], '1', 0],
      ],
    );
  });

  it('is refused where fields, context or attributes are neither a Map nor a plain object', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    for (const named of NO_RECORDS) {
      const bad = named as never;
      for (const call of [
        client.encrypt(bad, ACME),
        client.encrypt({}, { ...ACME, context: bad }),
        client.encrypt({}, { ...ACME, attributes: bad }),
        client.decrypt({ edek: EDEK, fields: bad }, ACME),
        client.encryptBatch([{ fields: bad }], ACME),
        client.rewrapBatch([{ edek: EDEK, context: bad }], ACME),
      ]) {
        await assert.rejects(call, { name: 'RequestInvalidError', message: /neither a Map nor a plain object/ });
      }
    }
    assert.equal(daemon.calls.length, 0);
  });

  const bad = undefined as never;
  const calls: Readonly<Record<string, (client: KeysideClient) => Promise<unknown>>> = {
    'an EDEK that is text': (client) => client.decrypt({ edek: 'edek' as never, fields: {} }, ACME),
    'an EDEK that is missing': (client) => client.rewrap({ edek: bad }, ACME),
    'an EDEK that is an array': (client) => client.encrypt({}, ACME, { edek: [1, 2] as never }),
    'an EDEK that is a buffer without a view': (client) => client.decrypt({ edek: EDEK.buffer as never, fields: {} }, ACME),
    'an EDEK of a batch': (client) => client.decryptBatch([{ edek: 'edek' as never, fields: {} }], ACME),
    'an EDEK of a stream': async (client) => taken(client.decryptStream([], ACME, { edek: 'edek' as never })),
    'an EDEK of a range': async (client) => {
      const range = { edek: 'edek' as never, offset: 0, objectSize: 1, read: () => [] };
      return taken(client.decryptRange(range, ACME));
    },
    'a date that is text': (client) => client.logSecurityEvent({ event: 'USER_LOGIN', occurredAt: '2026' as never }, ACME),
    'a date that is none': (client) => client.logSecurityEvent({ event: 'USER_LOGIN', occurredAt: new Date(Number.NaN) }, ACME),
    'a date that is empty text': (client) => client.logSecurityEvent({ event: 'USER_LOGIN', occurredAt: '' as never }, ACME),
    'a key id that is a number': (client) => client.checkKey({ tenantId: 'acme', keyId: 1 as never }),
    'a tenant that is missing': (client) => client.dropKeys({ tenantId: bad }),
    'a tenant to list that is missing': (client) => client.listKeys(bad),
    'a target key that is a number': (client) => client.rewrap({ edek: EDEK, targetKeyId: 1 as never }, ACME),
    'no metadata': (client) => client.encrypt({}, bad),
    'no fields': (client) => client.encrypt(bad, ACME),
    'no document': (client) => client.decrypt(bad, ACME),
    'no input': (client) => client.rewrap(bad, ACME),
    'no event': (client) => client.logSecurityEvent(bad, ACME),
    'no key': (client) => client.checkKey(bad),
    'no batch': (client) => client.encryptBatch(bad, ACME),
    'no document within a batch': (client) => client.decryptBatch([bad], ACME),
    'no source': async (client) => taken(client.encryptStream(bad, ACME)),
    'a source that is text': async (client) => taken(client.encryptStream('text' as never, ACME)),
    'no source to decrypt': async (client) => taken(client.decryptStream(7 as never, ACME)),
    'a time of a stream that is none': async (client) => taken(client.encryptStream([], ACME, { timeoutMs: Number.NaN })),
    'a time of a stream that is over': async (client) => taken(client.decryptStream([], ACME, { timeoutMs: 0 })),
  };
  for (const [name, call] of Object.entries(calls)) {
    it(`is refused in words: ${name}`, async (t) => {
      const { client, daemon } = await connected(t, [ENCRYPTED], { timeoutMs: 500 });
      await assert.rejects(call(client), RequestInvalidError);
      assert.ok(daemon.calls.every(({ request }) => request.length === 0));
    });
  }
});
