import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { openVault } from '../../../../src/kms/azure/client.ts';
import { AUTHORITY_ERRORS } from '../../../../src/kms/azure/error-table.ts';
import { azureProvider } from '../../../../src/kms/azure/provider.ts';
import { targetOf } from '../../../../src/kms/azure/target.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { rejects, scope } from '../../../contract/kms-calls.ts';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  keyBundle,
  LOOPBACK_PEM,
  originKeys,
  SECRET_FILE,
  settingsFor,
  TENANT_ID,
  textFile,
} from './azure-samples.ts';
import { AzureStub, type StubAnswer, token, tokenError } from './azure-stub.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

describe('the credentials of an Azure key', () => {
  let stub: AzureStub;
  const open: KmsKey[] = [];

  before(async () => {
    stub = await AzureStub.start(() => keyBundle());
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await stub.stop();
  });
  beforeEach(() => {
    stub.clear();
    stub.answer(() => keyBundle());
  });

  function keyWith(change: object = {}): KmsKey {
    const key = azureProvider({ originKeys: originKeys() }).open(
      parseKeyConfigurationId('acme-main'),
      settingsFor(stub.url, change),
    );
    open.push(key);
    return key;
  }

  const describeOnce = (key: KmsKey) => key.describe(scope().signal);
  const sent = (name: string) => stub.tokenRequests.map((form) => form.get(name));

  it('are a client secret, sent once for many calls, for the vault as resource', async () => {
    const key = keyWith();
    await describeOnce(key);
    await describeOnce(key);
    assert.deepEqual(sent('client_secret'), [CLIENT_SECRET]);
    assert.deepEqual(sent('client_id'), [CLIENT_ID]);
    assert.match(String(sent('scope')), /^https:\/\/vault\.azure\.net\/\.default/);
    assert.deepEqual(
      stub.requests.map(({ headers }) => headers.authorization),
      ['Bearer the.access.token', 'Bearer the.access.token'],
    );
  });

  it('are asked for once, however many calls wait for the token', async () => {
    const key = keyWith();
    await Promise.all(Array.from({ length: 20 }, () => describeOnce(key)));
    assert.equal(stub.tokenRequests.length, 1);
  });

  it('from a file are read again once the file is another, and a wrong one can be mended', async () => {
    const secretFile = textFile('rotating', 'wrong');
    stub.answerToken((form) =>
      form.get('client_secret') === 'right' ? token() : tokenError('AADSTS7000215', 'Invalid client secret'),
    );
    const key = keyWith({ credentials: { source: 'client-secret', clientId: CLIENT_ID, secretFile } });
    await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
    await writeFile(`${secretFile}.next`, 'right\n');
    await rename(`${secretFile}.next`, secretFile);
    await describeOnce(key);
    assert.deepEqual(sent('client_secret'), ['wrong', 'right']);
  });

  it('are a certificate, whose key signs an assertion', async () => {
    await describeOnce(keyWith({ credentials: { source: 'certificate', clientId: CLIENT_ID, certificateFile: LOOPBACK_PEM } }));
    assert.deepEqual(sent('client_assertion_type'), [ASSERTION_TYPE]);
    const [, claims = ''] = String(sent('client_assertion')[0]).split('.');
    assert.equal(JSON.parse(Buffer.from(claims, 'base64url').toString()).iss, CLIENT_ID);
  });

  it('are a token of another issuer, read again for every token', async () => {
    const tokenFile = textFile('federated', 'first.assertion\n');
    const settings = { credentials: { source: 'federated-token', clientId: CLIENT_ID, tokenFile } };
    await describeOnce(keyWith(settings));
    await writeFile(tokenFile, 'second.assertion\n');
    await describeOnce(keyWith(settings));
    assert.deepEqual(sent('client_assertion'), ['first.assertion', 'second.assertion']);
  });

  it('are those of the environment, where the SDK is to search', async (t) => {
    setEnvironment(t, { AZURE_TENANT_ID: TENANT_ID, AZURE_CLIENT_ID: CLIENT_ID, AZURE_CLIENT_SECRET: CLIENT_SECRET });
    await describeOnce(keyWith({ credentials: { source: 'ambient' } }));
    assert.deepEqual(sent('client_secret'), [CLIENT_SECRET]);
  });

  it('are a managed identity, asked of the machine that the daemon runs on', async (t) => {
    const asked: (string | undefined)[] = [];
    const machine = createServer((request, response) => {
      asked.push(request.url);
      const expires_on = Math.floor(Date.now() / 1_000) + 3_600;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ access_token: 'of.the.machine', expires_on, resource: 'https://vault.azure.net', token_type: 'Bearer' }),
      );
    }).listen(0, '127.0.0.1');
    t.after(() => machine.close());
    await once(machine, 'listening');
    const { port } = machine.address() as AddressInfo;
    setEnvironment(t, { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi/token`, IDENTITY_HEADER: 'header' });
    await describeOnce(keyWith({ credentials: { source: 'managed-identity', clientId: CLIENT_ID } }));
    assert.equal(stub.requests[0]?.headers.authorization, 'Bearer of.the.machine');
    assert.match(String(asked[0]), new RegExp(`client_id=${CLIENT_ID}`));
    assert.deepEqual(stub.tokenRequests, []);
  });

  for (const [code, { reason, samples }] of AUTHORITY_ERRORS) {
    it(`${code} is ${reason}`, async () => {
      const [status, message] = samples[code] ?? [];
      stub.answerToken(() => tokenError(code, message, status));
      const error = await rejects(describeOnce(keyWith()), reason);
      assert.ok(error.message.includes(code) || error.message.includes(`HTTP ${status}`), error.message);
      assert.doesNotMatch(`${error.message} ${String(error.cause)} ${JSON.stringify(error.cause)}`, new RegExp(CLIENT_SECRET));
      assert.deepEqual(stub.requests, [], 'the vault is not asked without a token');
    });
  }

  const authority: readonly {
    readonly name: string;
    readonly token?: StubAnswer;
    readonly metadata?: StubAnswer;
    readonly reason: ErrorReason;
  }[] = [
    { name: 'a number unknown to us', token: tokenError('AADSTS123'), reason: 'KEY_MISCONFIGURED' },
    { name: 'a fault of its own', token: tokenError('AADSTS50000', '', 500), reason: 'KMS_UNAVAILABLE' },
    { name: "a proxy's page with status 502", token: { status: 502, body: '<html>' }, reason: 'KMS_UNAVAILABLE' },
    { name: 'throttling', token: { status: 429, body: {}, headers: { 'retry-after': '9' } }, reason: 'KMS_THROTTLED' },
    { name: 'a dropped connection', token: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'a dropped connection at its first question', metadata: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'a fault at its first question', metadata: { status: 503, body: '<html>' }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a tenant that does not exist', metadata: tokenError('invalid_tenant', '', 400), reason: 'KEY_MISCONFIGURED' },
  ];
  for (const { name, token: answer, metadata, reason } of authority) {
    it(`${name} of the token authority is ${reason}`, async () => {
      if (answer !== undefined) stub.answerToken(() => answer);
      if (metadata !== undefined) stub.answerMetadata(() => metadata);
      const error = await rejects(describeOnce(keyWith()), reason);
      if (reason === 'KMS_THROTTLED') assert.equal(error.retryAfterMs, 9_000);
    });
  }

  it('are asked for again right after a fault of the authority: MSAL by itself would repeat the error for a minute', async () => {
    const key = keyWith();
    stub.answerToken(() => tokenError('AADSTS90033', 'transient', 503));
    await rejects(describeOnce(key), 'KMS_UNAVAILABLE');
    await rejects(describeOnce(key), 'KMS_UNAVAILABLE');
    stub.answerToken(() => token());
    await describeOnce(key);
    assert.equal(stub.tokenRequests.length, 3);
  });

  it('that nobody answers for keep no caller who gives up', async () => {
    stub.answerToken(() => 'hang');
    const caller = new AbortController();
    const asking = keyWith().describe(caller.signal);
    while (stub.tokenRequests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    caller.abort(new Error('gave up'));
    await assert.rejects(asking, /gave up/);
  });

  const settings: readonly { readonly name: string; readonly change: object; readonly says: RegExp }[] = [
    {
      name: 'a file that is missing',
      change: { credentials: { source: 'client-secret', clientId: CLIENT_ID, secretFile: '/nonexistent/secret' } },
      says: /file \/nonexistent\/secret cannot be read \(ENOENT\)/,
    },
    {
      name: 'a token file that is missing',
      change: { credentials: { source: 'federated-token', clientId: CLIENT_ID, tokenFile: '/nonexistent/token' } },
      says: /file \/nonexistent\/token cannot be read \(ENOENT\)/,
    },
    {
      name: 'a file that is empty',
      change: { credentials: { source: 'client-secret', clientId: CLIENT_ID, secretFile: textFile('empty', '\n') } },
      says: /is empty/,
    },
    {
      name: 'a certificate that is none',
      change: {
        credentials: { source: 'certificate', clientId: CLIENT_ID, certificateFile: textFile('no.pem', 'not a certificate') },
      },
      says: /no token is had/,
    },
    {
      name: 'a tenant that is not the vault’s',
      change: { tenantId: '99999999-2222-3333-4444-555555555555' },
      says: /no token is had/,
    },
    { name: 'an emulator that is not trusted', change: { caFile: undefined }, says: /certificate of the vault is not trusted/ },
    { name: 'a trusted certificate that is missing', change: { caFile: '/nonexistent/ca.pem' }, says: /ca\.pem cannot be read/ },
  ];
  for (const { name, change, says } of settings) {
    it(`${name} is KEY_MISCONFIGURED`, async () => {
      assert.match((await rejects(describeOnce(keyWith(change)), 'KEY_MISCONFIGURED')).message, says);
      assert.deepEqual(stub.requests, []);
    });
  }

  const mended = [
    {
      name: 'a secret',
      setting: (secretFile: string) => ({ credentials: { source: 'client-secret', clientId: CLIENT_ID, secretFile } }),
    },
    { name: 'a trusted certificate', setting: (caFile: string) => ({ caFile }) },
  ];
  for (const { name, setting } of mended) {
    it(`are mended while the daemon runs: ${name} that was missing is found once it is there`, async () => {
      const file = textFile('later', '');
      const key = keyWith(setting(file));
      await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
      await writeFile(file, readFileSync(name === 'a secret' ? SECRET_FILE : LOOPBACK_PEM));
      await describeOnce(key);
    });
  }

  it('are given to no vault that asks for a token of another domain than its own', async () => {
    const { connection } = targetOf(settingsFor(stub.url));
    const vault = await openVault({ ...connection, isEmulator: false });
    const asking = vault.getKey({ keyName: 'keyside', version: undefined, signal: scope().signal });
    await assert.rejects(asking, /challenge resource 'vault\.azure\.net' does not match/);
    assert.deepEqual([stub.tokenRequests, stub.requests], [[], []]);
  });
});

function setEnvironment(t: TestContext, variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
}
