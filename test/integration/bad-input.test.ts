import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  BatchDecryptRequest,
  BatchDecryptResponse,
  BatchEncryptRequest,
  type EncryptRequest,
  EncryptResponse,
} from '../../src/gen/keyside/v1/crypto.ts';
import { CheckKeyRequest, DropKeysRequest } from '../../src/gen/keyside/v1/key.ts';
import { createKey } from '../../src/kms/local/store.ts';
import { type DaemonProcess, startDaemon, temporaryDirectory } from './daemon-process.ts';
import { RawClient } from './raw-client.ts';
import { CRYPTO, decryptRequest, encryptRequest, metadata, none, rewrapRequest } from './requests.ts';

const KEYS = 'keyside.v1.KeyService';
const SECRET = 'very-secret-value';

/** `bytes` with the first occurrence of the ASCII text made invalid UTF-8. */
function spoil(bytes: Uint8Array, text: string): Uint8Array {
  const at = Buffer.from(bytes).indexOf(text);
  assert.ok(at >= 0, text);
  const spoilt = Buffer.from(bytes);
  spoilt[at] = 0xff;
  return spoilt;
}

describe('bad input', () => {
  const cleanUp: (() => void)[] = [];
  let daemon: DaemonProcess;
  let client: RawClient;
  let document: EncryptResponse;
  let other: EncryptResponse;

  const encrypt = async (fields: Partial<EncryptRequest>): Promise<EncryptResponse> => {
    const ended = await client.call({ method: `${CRYPTO}/Encrypt`, request: encryptRequest(fields) });
    assert.equal(ended.reason, 'OK', ended.message);
    return EncryptResponse.decode(ended.bytes);
  };

  before(async () => {
    const directory = temporaryDirectory({ after: (fn) => cleanUp.push(fn) });
    for (const id of ['acme', 'globex']) await createKey(join(directory, `${id}.json`), { id, now: new Date() });
    const key = (id: string, state: string) =>
      `{ id: ${id}-key, provider: local, state: ${state}, local: { storeFile: ${id}.json } }`;
    const tenants = [
      `  acme: { keys: [${key('acme', 'primary')}], policy: { labels: { pii: { allowedPurposes: [support] } } } }`,
      `  globex: { keys: [${key('globex', 'active')}] }`,
      '  initech: {}',
    ];
    writeFileSync(join(directory, 'tenants.yaml'), `tenants:\n${tenants.join('\n')}\n`);
    const limits = 'limits: { maxDocumentBytes: 64KiB, maxFields: 100, maxBatchDocuments: 10 }';
    writeFileSync(
      join(directory, 'keyside.yaml'),
      `listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n${limits}\n`,
    );
    daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
    client = new RawClient(daemon.tcp);
    document = await encrypt({ fields: new Map([['a', Buffer.from(SECRET)]]) });
    other = await encrypt({ fields: new Map([['a', Buffer.from('other')]]) });
  });

  after(async () => {
    client.close();
    await daemon.stop();
    for (const fn of cleanUp) fn();
  });

  interface Case {
    readonly name: string;
    readonly method?: string;
    readonly request: () => Uint8Array;
    readonly reason: string;
    readonly code: string;
    /** What the message must name. */
    readonly names: RegExp;
  }

  const field = (value: string): Map<string, Uint8Array> => new Map([['a', Buffer.from(value)]]);
  const cases: readonly Case[] = [
    {
      name: 'an empty request',
      request: () => new Uint8Array(0),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /tenant_id is missing/,
    },
    {
      name: 'a tenant id of another form',
      request: () => encryptRequest({ tenantId: 'a b' }),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /tenant_id/,
    },
    {
      name: 'an unknown tenant',
      request: () => encryptRequest({ tenantId: 'nobody' }),
      reason: 'TENANT_UNKNOWN',
      code: 'NOT_FOUND',
      names: /tenant nobody/,
    },
    {
      name: 'a tenant without a key',
      request: () => encryptRequest({ tenantId: 'initech' }),
      reason: 'NO_PRIMARY_KEY',
      code: 'FAILED_PRECONDITION',
      names: /tenant initech/,
    },
    {
      name: 'a tenant whose key is not primary',
      request: () => encryptRequest({ tenantId: 'globex' }),
      reason: 'NO_PRIMARY_KEY',
      code: 'FAILED_PRECONDITION',
      names: /tenant globex/,
    },
    {
      name: 'a tenant called __proto__',
      request: () => encryptRequest({ tenantId: '__proto__' }),
      reason: 'TENANT_UNKNOWN',
      code: 'NOT_FOUND',
      names: /__proto__/,
    },
    {
      name: 'a document over the limit',
      request: () => encryptRequest({ fields: new Map([['a', Buffer.alloc(65_537)]]) }),
      reason: 'PAYLOAD_TOO_LARGE',
      code: 'INVALID_ARGUMENT',
      names: /65537 bytes.*65536/,
    },
    {
      name: 'too many fields',
      request: () => encryptRequest({ fields: new Map(Array.from({ length: 101 }, (_, at) => [String(at), Buffer.alloc(0)])) }),
      reason: 'PAYLOAD_TOO_LARGE',
      code: 'INVALID_ARGUMENT',
      names: /101 fields.*100/,
    },
    {
      name: 'a context of 65 pairs',
      request: () => encryptRequest({ context: new Map(Array.from({ length: 65 }, (_, at) => [String(at), ''])) }),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /context has 65 pairs/,
    },
    {
      name: 'a context over 8 KiB',
      request: () => encryptRequest({ context: new Map([['a', 'x'.repeat(8192)]]) }),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /context holds more than 8192/,
    },
    {
      name: 'a label over 1,024 bytes',
      request: () => encryptRequest({ metadata: metadata({ dataLabel: 'x'.repeat(1025) }) }),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /data_label/,
    },
    {
      name: 'no purpose where policy asks for one',
      request: () => encryptRequest({ metadata: metadata({ dataLabel: 'pii' }) }),
      reason: 'POLICY_DENIED',
      code: 'PERMISSION_DENIED',
      names: /purpose/,
    },
    {
      name: 'bytes that are not protobuf',
      request: () => Buffer.from([0xff, 0xff, 0xff]),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /protobuf/,
    },
    {
      name: 'invalid UTF-8 in the tenant',
      request: () => spoil(encryptRequest({ tenantId: 'qqq' }), 'qqq'),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /UTF-8/,
    },
    {
      name: 'invalid UTF-8 in a field name',
      request: () => spoil(encryptRequest({ fields: new Map([['qqq', Buffer.alloc(1)]]) }), 'qqq'),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /UTF-8/,
    },
    {
      name: 'invalid UTF-8 in a context value',
      request: () => spoil(encryptRequest({ context: new Map([['k', 'qqq']]) }), 'qqq'),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /UTF-8/,
    },
    {
      name: 'no edek',
      method: 'Decrypt',
      request: () => decryptRequest({ fields: field('x') }),
      reason: 'REQUEST_INVALID',
      code: 'INVALID_ARGUMENT',
      names: /edek is missing/,
    },
    {
      name: 'a garbage edek',
      method: 'Decrypt',
      request: () => decryptRequest({ edek: Buffer.from('garbage') }),
      reason: 'EDEK_MALFORMED',
      code: 'INVALID_ARGUMENT',
      names: /edek/,
    },
    {
      name: 'a truncated edek',
      method: 'Decrypt',
      request: () => decryptRequest({ edek: document.edek.subarray(0, 40) }),
      reason: 'EDEK_MALFORMED',
      code: 'INVALID_ARGUMENT',
      names: /commitment/,
    },
    {
      name: 'fields of another document',
      method: 'Decrypt',
      request: () => decryptRequest({ edek: document.edek, fields: other.fields }),
      reason: 'CIPHERTEXT_REJECTED',
      code: 'INVALID_ARGUMENT',
      names: /does not verify/,
    },
    {
      name: 'a field under another name',
      method: 'Decrypt',
      request: () => decryptRequest({ edek: document.edek, fields: new Map([['b', document.fields.get('a') as Uint8Array]]) }),
      reason: 'CIPHERTEXT_REJECTED',
      code: 'INVALID_ARGUMENT',
      names: /does not verify/,
    },
    {
      name: 'another tenant',
      method: 'Decrypt',
      request: () => decryptRequest({ tenantId: 'globex', ...document }),
      reason: 'CIPHERTEXT_REJECTED',
      code: 'INVALID_ARGUMENT',
      names: /does not verify/,
    },
    {
      name: 'another context',
      method: 'Decrypt',
      request: () => decryptRequest({ ...document, context: new Map([['row', '1']]) }),
      reason: 'CIPHERTEXT_REJECTED',
      code: 'INVALID_ARGUMENT',
      names: /does not verify/,
    },
    {
      name: 'another label',
      method: 'Decrypt',
      request: () => decryptRequest({ ...document, metadata: metadata({ dataLabel: 'other' }) }),
      reason: 'CIPHERTEXT_REJECTED',
      code: 'INVALID_ARGUMENT',
      names: /does not verify/,
    },
    {
      name: 'a rewrap to a key there is not',
      method: 'Rewrap',
      request: () => rewrapRequest({ edek: document.edek, targetKeyId: 'nokey' }),
      reason: 'KEY_NOT_FOUND',
      code: 'FAILED_PRECONDITION',
      names: /no key nokey/,
    },
    {
      name: 'a rewrap to a key of another tenant',
      method: 'Rewrap',
      request: () => rewrapRequest({ edek: document.edek, targetKeyId: 'globex-key' }),
      reason: 'KEY_NOT_FOUND',
      code: 'FAILED_PRECONDITION',
      names: /no key globex-key/,
    },
    {
      name: 'a batch over the limit',
      method: 'BatchEncrypt',
      request: () =>
        BatchEncryptRequest.encode({
          tenantId: 'acme',
          metadata: undefined,
          documents: Array.from({ length: 11 }, () => ({ id: '', ...none })),
        }).finish(),
      reason: 'PAYLOAD_TOO_LARGE',
      code: 'INVALID_ARGUMENT',
      names: /11 documents.*10/,
    },
    {
      name: 'a check of a key there is not',
      method: `${KEYS}/CheckKey`,
      request: () => CheckKeyRequest.encode({ tenantId: 'acme', keyId: 'nokey' }).finish(),
      reason: 'KEY_NOT_FOUND',
      code: 'FAILED_PRECONDITION',
      names: /no key nokey/,
    },
    {
      name: 'a drop for an unknown tenant',
      method: `${KEYS}/DropKeys`,
      request: () => DropKeysRequest.encode({ tenantId: 'nobody', keyId: '' }).finish(),
      reason: 'TENANT_UNKNOWN',
      code: 'NOT_FOUND',
      names: /tenant nobody/,
    },
  ];

  for (const { name, method = 'Encrypt', request, reason, code, names } of cases) {
    it(`${name} is ${reason} and names the thing`, async () => {
      const ended = await client.call({ method: method.includes('/') ? method : `${CRYPTO}/${method}`, request: request() });
      assert.deepEqual({ reason: ended.reason, code: ended.code }, { reason, code }, ended.message);
      assert.match(ended.message, new RegExp(`^${reason}: `));
      assert.match(ended.message, names);
      assert.doesNotMatch(ended.message, /\n|\.ts:/);
    });
  }

  it('everything that fails after parsing has one message', async () => {
    const rejected = cases.filter(({ reason }) => reason === 'CIPHERTEXT_REJECTED');
    const messages = new Set<string>();
    for (const { method, request } of rejected)
      messages.add((await client.call({ method: `${CRYPTO}/${method}`, request: request() })).message);
    assert.equal(rejected.length, 5);
    assert.equal(messages.size, 1);
  });

  it('a message beyond the transport limit is answered by the transport', async () => {
    const ended = await client.call({ method: `${CRYPTO}/Encrypt`, request: Buffer.alloc(9 * 1024 * 1024) });
    assert.equal(ended.code, 'RESOURCE_EXHAUSTED');
  });

  it('a deadline that has passed does no work', async () => {
    const ended = await client.call({
      method: `${CRYPTO}/Encrypt`,
      request: encryptRequest({ fields: field('x') }),
      deadlineMs: -1,
    });
    assert.equal(ended.code, 'DEADLINE_EXCEEDED');
  });

  it('an item of a batch ends in its own error, beside items that succeed', async () => {
    const item = (id: string, edek: Uint8Array) => ({ id, fields: document.fields, edek, context: new Map<string, string>() });
    const documents = [item('good', document.edek), item('bad', Buffer.from('garbage')), item('foreign', other.edek)];
    const request = BatchDecryptRequest.encode({ tenantId: 'acme', metadata: undefined, documents }).finish();
    const { results } = BatchDecryptResponse.decode((await client.call({ method: `${CRYPTO}/BatchDecrypt`, request })).bytes);
    assert.deepEqual(
      results.map(({ id, error }) => [id, error?.message.split(':')[0]]),
      [
        ['good', undefined],
        ['bad', 'EDEK_MALFORMED'],
        ['foreign', 'CIPHERTEXT_REJECTED'],
      ],
    );
    assert.equal(Buffer.from(results[0]?.document?.fields.get('a') ?? '').toString(), SECRET);
  });

  it('the log has a line for each of these and no value of any', () => {
    const text = JSON.stringify(daemon.log);
    assert.ok(daemon.log.filter(({ message }) => message === 'request').length > cases.length);
    for (const value of [SECRET, Buffer.from(SECRET).toString('base64'), Buffer.from(SECRET).toString('hex')])
      assert.ok(!text.includes(value));
  });
});
