import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LogSecurityEventRequest, LogSecurityEventResponse } from '../src/gen/keyside/v1/audit.ts';
import { DecryptResponse, EncryptRequest, EncryptResponse, RewrapResponse } from '../src/gen/keyside/v1/crypto.ts';
import { CheckKeyResponse, KeyConfigurationState } from '../src/gen/keyside/v1/key.ts';
import { KeyRevokedError, KeysideClient, RequestInvalidError } from '../src/index.ts';
import { connected, statusOf } from './fake-daemon.ts';

const FIELDS = { ssn: Buffer.from('123') };
const ENCRYPTED = EncryptResponse.encode({ fields: new Map([['ssn', Uint8Array.of(9)]]), edek: Uint8Array.of(7) }).finish();

describe('the client', () => {
  it('reports an event of the application and gives the id of its record', async (t) => {
    const { client, daemon } = await connected(t, [LogSecurityEventResponse.encode({ recordId: 's-7' }).finish()]);
    const occurredAt = new Date(1_790_000_000_123);
    const about = { tenantId: 'acme', requesterId: 'ada', attributes: { ticket: 'T-1' } };
    assert.equal(await client.logSecurityEvent({ event: 'USER_ADD', occurredAt, targetUserId: 'grace' }, about), 's-7');
    await client.logSecurityEvent({ event: 'CUSTOM_X', message: 'why' }, { tenantId: 'acme' });
    const [first, second] = daemon.calls.map(({ request }) => LogSecurityEventRequest.decode(request));
    assert.deepEqual(
      [first?.tenantId, first?.event, first?.occurredAt, first?.targetUserId, first?.metadata?.requesterId],
      ['acme', 'USER_ADD', occurredAt, 'grace', 'ada'],
    );
    assert.deepEqual(first?.metadata?.attributes, new Map([['ticket', 'T-1']]));
    assert.deepEqual([second?.event, second?.occurredAt, second?.message], ['CUSTOM_X', undefined, 'why']);
  });

  it('takes no context for an event', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    const about = { tenantId: 'acme', context: { row: '1' } };
    await assert.rejects(client.logSecurityEvent({ event: 'USER_LOGIN' }, about), RequestInvalidError);
    assert.equal(daemon.calls.length, 0);
  });

  it('sends fields and metadata, whether they come as a Map or as an object', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    const document = await client.encrypt(FIELDS, { tenantId: 'acme', requesterId: 'me', context: { row: '1' } });
    await client.encrypt(new Map(Object.entries(FIELDS)), {
      tenantId: 'acme',
      requesterId: 'me',
      context: new Map([['row', '1']]),
    });
    assert.deepEqual([...document.fields.keys(), ...document.edek], ['ssn', 7]);
    const [first, second] = daemon.calls.map(({ request }) => EncryptRequest.decode(request));
    assert.deepEqual(first, second);
    assert.equal(first?.metadata?.requesterId, 'me');
    assert.deepEqual([...(first?.context ?? [])], [['row', '1']]);
  });

  it('loses no field name, __proto__ included', async (t) => {
    const fields = new Map([
      ['__proto__', Uint8Array.of(1)],
      ['', Uint8Array.of(2)],
    ]);
    const { client } = await connected(t, [DecryptResponse.encode({ fields }).finish()]);
    const plain = await client.decrypt({ edek: new Uint8Array(), fields }, { tenantId: 'acme' });
    assert.deepEqual([...plain.fields.keys()], ['__proto__', '']);
  });

  it('says whether a rewrap changed anything', async (t) => {
    const answer = RewrapResponse.encode({ edek: Uint8Array.of(1), keyId: 'acme-2', changed: true }).finish();
    const { client } = await connected(t, [answer]);
    const { keyId, isChanged } = await client.rewrap({ edek: Uint8Array.of(0) }, { tenantId: 'acme' });
    assert.deepEqual([keyId, isChanged], ['acme-2', true]);
  });

  it('tells why a probed key is not usable', async (t) => {
    const error = statusOf({ code: 9, message: 'KEY_REVOKED: key acme-1 is disabled', reason: 'KEY_REVOKED' });
    const key = {
      keyId: 'acme-1',
      provider: 'aws',
      state: KeyConfigurationState.KEY_CONFIGURATION_STATE_PRIMARY,
      custody: 'customer',
      vendorDefault: false,
    };
    const answer = CheckKeyResponse.encode({
      key,
      usable: false,
      kmsState: 'disabled',
      keyVersion: '',
      wrapLatency: { seconds: 1, nanos: 500_000_000 },
      unwrapLatency: undefined,
      error,
    }).finish();
    const { client } = await connected(t, [answer]);
    const check = await client.checkKey({ tenantId: 'acme' });
    assert.deepEqual([check.isUsable, check.kmsState, check.wrapMs, check.unwrapMs], [false, 'disabled', 1_500, undefined]);
    assert.deepEqual(check.key, {
      keyId: 'acme-1',
      provider: 'aws',
      state: 'primary',
      custody: 'customer',
      isVendorDefault: false,
    });
    assert.ok(check.error instanceof KeyRevokedError);
    assert.deepEqual([check.error.reason, check.error.code], ['KEY_REVOKED', 'FAILED_PRECONDITION']);
  });

  it('is refused names and texts that UTF-8 cannot hold, before anything is sent', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    const half = '\ud800';
    const refused = (call: Promise<unknown>) => assert.rejects(call, RequestInvalidError);
    const about = [{ context: { [half]: '' } }, { context: { a: '\udfff' } }, { dataLabel: half }, { requesterId: half }];
    for (const metadata of [...about, { attributes: { a: half } }, { tenantId: half }]) {
      await refused(client.encrypt(FIELDS, { tenantId: 'acme', ...metadata }));
    }
    await refused(client.encrypt({ [half]: 'x' }, { tenantId: 'acme' }));
    await refused(client.encrypt({ a: half }, { tenantId: 'acme' }));
    await refused(client.encrypt({ a: 7 as never }, { tenantId: 'acme' }));
    await refused(client.encryptBatch([{ id: half, fields: FIELDS }], { tenantId: 'acme' }));
    await refused(client.logSecurityEvent({ event: 'USER_LOGIN', message: half }, { tenantId: 'acme' }));
    assert.throws(() => new KeysideClient({ defaults: { purpose: half } }), RequestInvalidError);
    assert.equal(daemon.calls.length, 0);
  });

  it('takes no answer with a name that is not UTF-8: two names could become one', async (t) => {
    const entry = [0x0a, 0x07, 0x0a, 0x01, 0xff, 0x12, 0x02, 1, 2];
    const { client } = await connected(t, [Uint8Array.from(entry)]);
    await assert.rejects(client.encrypt(FIELDS, { tenantId: 'acme' }), { reason: 'INTERNAL' });
  });

  it('sends the token of its file, and the one after it once the file changed', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-client-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first');
    const { client, daemon } = await connected(t, [ENCRYPTED], { environment: { KEYSIDE_TOKEN_FILE: tokenFile } });
    await client.encrypt(FIELDS, { tenantId: 'acme' });
    writeFileSync(tokenFile, 'the-second');
    await client.encrypt(FIELDS, { tenantId: 'acme' });
    assert.deepEqual(
      daemon.calls.map(({ headers }) => headers.authorization),
      ['Bearer first', 'Bearer the-second'],
    );
  });

  it('takes the defaults where the call says nothing, field by field, and puts attributes together', async (t) => {
    const defaults = { requesterId: 'batch', purpose: 'billing', attributes: { app: 'shop', version: '1' } };
    const { client, daemon } = await connected(t, [ENCRYPTED], { defaults });
    await client.encrypt(FIELDS, { tenantId: 'acme' });
    const own = { requesterId: 'ada', purpose: undefined, attributes: new Map([['version', '2']]) };
    await client.encrypt(FIELDS, { tenantId: 'acme', ...own });
    const seen = daemon.calls.map(({ request }) => EncryptRequest.decode(request).metadata);
    assert.deepEqual(
      seen.map((each) => [each?.requesterId, each?.purpose, Object.fromEntries(each?.attributes ?? [])]),
      [
        ['batch', 'billing', { app: 'shop', version: '1' }],
        ['ada', 'billing', { app: 'shop', version: '2' }],
      ],
    );
  });

  it('sends texts as UTF-8, and gives them back where bytes are UTF-8', async (t) => {
    const fields = new Map([
      ['name', Buffer.from('Åda')],
      ['photo', Uint8Array.of(0xff)],
    ]);
    const { client, daemon } = await connected(t, [ENCRYPTED, DecryptResponse.encode({ fields }).finish()]);
    const document = await client.encrypt({ name: 'Åda' }, { tenantId: 'acme' });
    const [{ request } = { request: new Uint8Array() }] = daemon.calls;
    assert.equal(Buffer.from(EncryptRequest.decode(request).fields.get('name') ?? []).toString(), 'Åda');
    const plain = await client.decrypt(document, { tenantId: 'acme' });
    assert.equal(plain.text('name'), 'Åda');
    assert.throws(() => plain.text('photo'), TypeError);
    assert.throws(() => plain.text('phone'), { name: 'RangeError', message: 'the document has no field "phone"' });
  });

  it('encrypts under an existing document where its EDEK is given', async (t) => {
    const { client, daemon } = await connected(t, [ENCRYPTED]);
    await client.encrypt(FIELDS, { tenantId: 'acme' }, { edek: Uint8Array.of(5) });
    assert.deepEqual([...EncryptRequest.decode(daemon.calls[0]?.request as Uint8Array).edek], [5]);
  });

  it('never goes through a proxy that the environment names', async (t) => {
    for (const name of ['grpc_proxy', 'http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) {
      process.env[name] = 'http://127.0.0.1:9';
      t.after(() => delete process.env[name]);
    }
    const { client } = await connected(t, [ENCRYPTED]);
    await client.encrypt(FIELDS, { tenantId: 'acme' });
  });

  it('finds the address in the environment, in one that it is given, and prefers the option', (t) => {
    const environment = { KEYSIDE_ADDRESS: 'example.com:1' };
    assert.throws(() => new KeysideClient({ environment }), /example\.com is not this machine/);
    new KeysideClient({ environment, address: '127.0.0.1:1' }).close();
    process.env.KEYSIDE_ADDRESS = 'example.org:1';
    t.after(() => delete process.env.KEYSIDE_ADDRESS);
    assert.throws(() => new KeysideClient(), /example\.org is not this machine/);
    process.env.KEYSIDE_ADDRESS = '';
    new KeysideClient().close();
  });
});
