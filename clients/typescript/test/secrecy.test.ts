import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { format, inspect } from 'node:util';
import { BatchDecryptResponse, DecryptResponse, EncryptRequest, EncryptResponse } from '../src/gen/keyside/v1/crypto.ts';
import { KeysideClient } from '../src/index.ts';
import { connected, FakeDaemon } from './fake-daemon.ts';

const ACME = { tenantId: 'acme' };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map(), edek: Uint8Array.of(7) }).finish();
const SECRETS = new Map([
  ['name', Buffer.from('Ada')],
  ['ssn', Buffer.from('123-45-6789')],
]);

function sentFields({ calls }: FakeDaemon): string[] {
  return calls.map(({ request }) => Buffer.from(EncryptRequest.decode(request).fields.get('f') ?? []).toString());
}

describe('what is to be encrypted', () => {
  it('may be wiped as soon as the call is made, before there is a connection', async (t) => {
    const spare = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => spare.once('listening', resolve));
    const { port } = spare.address() as { port: number };
    await new Promise((resolve) => spare.close(resolve));
    const client = new KeysideClient({ address: `127.0.0.1:${port}`, environment: {} });
    t.after(() => client.close());
    const secret = Buffer.from('plain');
    const call = client.encrypt({ f: secret }, ACME);
    secret.fill('0');
    const daemon = new FakeDaemon(ENCRYPTED);
    t.after(() => daemon.stop());
    await daemon.listen(port);
    await call;
    assert.deepEqual(sentFields(daemon), ['plain']);
  });

  it('is the same at every attempt, whatever became of its buffer', async (t) => {
    const overloaded = { code: 8, message: 'OVERLOADED: full', reason: 'OVERLOADED', retryMs: 60 };
    const { client, daemon } = await connected(t, [overloaded, ENCRYPTED]);
    const secret = Buffer.from('plain');
    const call = client.encrypt({ f: secret }, ACME);
    while (daemon.calls.length === 0) await wait(1);
    secret.fill('0');
    await call;
    assert.deepEqual(sentFields(daemon), ['plain', 'plain']);
  });
});

describe('what was decrypted', () => {
  it('is not shown where a document is logged: its names alone', async (t) => {
    const { client } = await connected(t, [DecryptResponse.encode({ fields: SECRETS }).finish()]);
    const document = await client.decrypt({ edek: Uint8Array.of(7), fields: {} }, ACME);
    assert.equal(inspect(document), "PlaintextDocument { fields: [ 'name', 'ssn' ] }");
    assert.equal(JSON.stringify(document), '{"fields":["name","ssn"]}');
    assert.equal(document.text('ssn'), '123-45-6789');
  });

  it('is not shown within the results of a batch either', async (t) => {
    const results = [{ id: '1', document: { fields: SECRETS }, error: undefined }];
    const { client } = await connected(t, [BatchDecryptResponse.encode({ results }).finish()]);
    const found = await client.decryptBatch([{ id: '1', edek: Uint8Array.of(7), fields: {} }], ACME);
    for (const shown of [inspect(found, { depth: 9 }), format('%o %j', found, found), JSON.stringify(found)]) {
      assert.match(shown, /ssn/);
      assert.doesNotMatch(shown, /6789|36 37 38 39|54,\s*55,\s*56,\s*57/);
    }
  });

  it('carries nothing else in its buffer', async (t) => {
    const { client } = await connected(t, [DecryptResponse.encode({ fields: SECRETS }).finish()]);
    const { fields } = await client.decrypt({ edek: Uint8Array.of(7), fields: {} }, ACME);
    const name = fields.get('name') as Uint8Array;
    assert.deepEqual([name.byteOffset, name.buffer.byteLength], [0, 3]);
    assert.equal(Buffer.from(structuredClone(name).buffer).toString(), 'Ada');
  });
});
