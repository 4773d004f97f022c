import assert from 'node:assert/strict';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { SecretBytes } from '../../../../src/core/secret-bytes.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { CONTEXT, guardOf, rejects, scope } from '../../../contract/kms-calls.ts';
import { selfSigned } from './certificate.ts';
import { federationFile, fileOf, keyFile, replace } from './gcp-credentials.ts';
import { grant, iamError, stsError, type TokenAnswer, TokenStub } from './token-stub.ts';

const { certificate, key: tlsKey } = selfSigned();
const folder = await mkdtemp(join(tmpdir(), 'keyside-gcp-'));
const rootsFile = join(folder, 'roots.pem');
await writeFile(rootsFile, certificate);
// Read when gRPC is loaded, which the next imports do.
process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH = rootsFile;
const { grpc } = await import('google-gax');
const { encrypted, failure, GcpStub, KEY_NAME, keyFacts } = await import('./gcp-stub.ts');
const { CREDENTIAL_ERRORS } = await import('../../../../src/kms/gcp/credential-errors.ts');
const { gcpSettingsSchema } = await import('../../../../src/kms/gcp/config.ts');
const { gcpProvider } = await import('../../../../src/kms/gcp/provider.ts');

const ACCOUNT = 'keyside@acme-prod.iam.gserviceaccount.com';
const SUBJECT_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.subject.token';

describe('the credentials of a Google Cloud key', () => {
  let kms: Awaited<ReturnType<typeof GcpStub.start>>;
  let tokens: TokenStub;
  let tokenFile: string;
  const open: KmsKey[] = [];

  before(async () => {
    const pair = { private_key: Buffer.from(tlsKey), cert_chain: Buffer.from(certificate) };
    kms = await GcpStub.start(() => keyFacts(), grpc.ServerCredentials.createSsl(null, [pair]));
    tokens = await TokenStub.start();
    tokenFile = await fileOf(SUBJECT_TOKEN);
  });
  after(async () => {
    await Promise.all(open.map((key) => key.close()));
    await Promise.all([kms.stop(), tokens.stop()]);
  });
  beforeEach(() => {
    kms.requests.splice(0);
    kms.answer(() => keyFacts());
    tokens.reset();
  });

  function keyWith(credentials: object, endpoint = `https://localhost:${kms.port}`): KmsKey {
    const settings = gcpSettingsSchema.parse({ keyName: KEY_NAME, endpoint, credentials });
    const key = gcpProvider().open(parseKeyConfigurationId('acme-main'), settings);
    open.push(key);
    return key;
  }

  const describeOnce = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).describe(scope());
  const authorizations = () => kms.requests.map(({ metadata }) => metadata.authorization);
  const federation = (change: object = {}) =>
    federationFile({ token_url: `${tokens.url}/v1/token`, credential_source: { file: tokenFile }, ...change });
  const federated = async (change: object = {}) => ({ source: 'federation', file: await fileOf(federation(change)) });
  const impersonating = async (change: object = {}) => ({
    source: 'key-file',
    file: await fileOf(keyFile()),
    impersonate: { serviceAccount: ACCOUNT, endpoint: tokens.url, ...change },
  });

  it('from a key file are a token that the key signed itself, for Cloud KMS alone', async () => {
    const key = keyWith({ source: 'key-file', file: await fileOf(keyFile()) });
    await describeOnce(key);
    const { iss, scope: granted } = claimsOf(authorizations()[0]);
    assert.deepEqual([iss, granted], ['keyside@vendor-prod.iam.gserviceaccount.com', 'https://www.googleapis.com/auth/cloudkms']);
    assert.equal(tokens.requests.length, 0);
  });

  it('from a file are read again once the file is another', async () => {
    const file = await fileOf(keyFile());
    const key = keyWith({ source: 'key-file', file });
    await describeOnce(key);
    await describeOnce(key);
    await replace(file, keyFile({ client_email: 'next@vendor-prod.iam.gserviceaccount.com' }));
    await describeOnce(key);
    const issuers = authorizations().map((header) => claimsOf(header).iss?.split('@')[0]);
    assert.deepEqual(issuers, ['keyside', 'keyside', 'next']);
  });

  it("from federation are the pod's token, exchanged once", async () => {
    const key = keyWith(await federated());
    await describeOnce(key);
    await describeOnce(key);
    assert.deepEqual(authorizations(), ['Bearer sts-token', 'Bearer sts-token']);
    assert.equal(tokens.requests.length, 1);
    const { grant_type, audience, subject_token, scope: asked } = tokens.requests[0]?.body ?? {};
    assert.equal(grant_type, 'urn:ietf:params:oauth:grant-type:token-exchange');
    assert.equal(
      audience,
      '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/vendor/providers/cluster',
    );
    assert.equal(subject_token, SUBJECT_TOKEN);
    assert.equal(asked, 'https://www.googleapis.com/auth/cloudkms');
  });

  it('from federation may act as the account that the configuration names', async () => {
    const url = `${tokens.url}/v1/projects/-/serviceAccounts/${ACCOUNT}:generateAccessToken`;
    await describeOnce(keyWith(await federated({ service_account_impersonation_url: url })));
    assert.deepEqual(authorizations(), ['Bearer iam-token']);
    assert.equal(tokens.requests[1]?.authorization, 'Bearer sts-token');
  });

  it('may act as a service account: its token is asked for once, for Cloud KMS alone', async () => {
    const key = keyWith(await impersonating({ lifetimeSeconds: 900 }));
    await Promise.all([describeOnce(key), describeOnce(key)]);
    await describeOnce(key);
    assert.deepEqual(authorizations(), Array(3).fill('Bearer iam-token'));
    assert.equal(tokens.requests.length, 1);
    const { path, authorization, body } = tokens.requests[0] ?? {};
    assert.equal(path, `/v1/projects/-/serviceAccounts/${encodeURIComponent(ACCOUNT)}:generateAccessToken`);
    assert.deepEqual(body, { scope: ['https://www.googleapis.com/auth/cloudkms'], lifetime: '900s' });
    const { iss, scope: granted } = claimsOf(authorization);
    assert.deepEqual(
      [iss, granted],
      ['keyside@vendor-prod.iam.gserviceaccount.com', 'https://www.googleapis.com/auth/cloud-platform'],
    );
  });

  it('of an account acted as are asked for again five minutes before they end', async () => {
    tokens.answer((request) => grant(request, 299_000));
    const key = keyWith(await impersonating());
    await describeOnce(key);
    tokens.answer((request) => grant(request, 600_000));
    await describeOnce(key);
    await describeOnce(key);
    assert.equal(tokens.requests.length, 2);
  });

  it('that Google does not accept are KEY_MISCONFIGURED, and the next call asks for others', async () => {
    const key = keyWith(await federated());
    kms.answer(() => failure('UNAUTHENTICATED', 'Request had invalid authentication credentials.'));
    await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
    kms.answer(() => keyFacts());
    await describeOnce(key);
    assert.equal(tokens.requests.length, 2);
  });

  it("found by Google's own search start no program and print nothing", async (t) => {
    const warned = t.mock.method(console, 'warn');
    const gcloud = join(folder, 'gcloud');
    await writeFile(gcloud, `#!/bin/sh\ntouch ${join(folder, 'started')}\n`, { mode: 0o755 });
    const file = await fileOf(keyFile({ project_id: undefined }));
    await withEnvironment({ PATH: `${folder}:${process.env.PATH}`, GOOGLE_APPLICATION_CREDENTIALS: file }, async () => {
      await describeOnce(keyWith({ source: 'ambient' }));
    });
    assert.equal(claimsOf(authorizations()[0]).iss, 'keyside@vendor-prod.iam.gserviceaccount.com');
    assert.ok(!(await readdir(folder)).includes('started'));
    assert.equal(warned.mock.callCount(), 0);
  });

  it('that are nowhere to be found are KEY_MISCONFIGURED, until they are there', async () => {
    const key = keyWith({ source: 'ambient' });
    await withEnvironment({ HOME: folder, METADATA_SERVER_DETECTION: 'none' }, async () => {
      await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
    });
    await withEnvironment({ GOOGLE_APPLICATION_CREDENTIALS: await fileOf(keyFile()) }, () => describeOnce(key));
  });

  for (const [word, { reason }] of CREDENTIAL_ERRORS) {
    it(`the token service's ${word} is ${reason}, and Cloud KMS is not asked`, async () => {
      const isIam = /^[A-Z_]+$/.test(word);
      tokens.answer(() => (isIam ? iamError(word, word === 'PERMISSION_DENIED' ? 403 : 400) : stsError(word)));
      const error = await rejects(describeOnce(keyWith(await (isIam ? impersonating() : federated()))), reason);
      assert.ok(error.message.includes(`(${word})`), error.message);
      assert.equal(kms.requests.length, 0);
    });
  }

  const failures: readonly { readonly name: string; readonly answer: TokenAnswer; readonly reason: ErrorReason }[] = [
    { name: 'that throttles', answer: iamError('RESOURCE_EXHAUSTED', 429), reason: 'KMS_THROTTLED' },
    { name: 'with a fault of its own', answer: iamError('INTERNAL', 500), reason: 'KMS_UNAVAILABLE' },
    { name: 'that refuses without a known word', answer: { status: 403, body: {} }, reason: 'KEY_ACCESS_DENIED' },
    { name: 'that drops the connection', answer: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'that is none', answer: { status: 200, body: { hello: 'world' } }, reason: 'KEY_MISCONFIGURED' },
  ];
  for (const { name, answer, reason } of failures) {
    it(`a token service ${name} is ${reason}`, async () => {
      tokens.answer(() => answer);
      await rejects(describeOnce(keyWith(await impersonating())), reason);
    });
  }

  it('a token service that cannot be reached is weather', async () => {
    await rejects(describeOnce(keyWith(await impersonating({ endpoint: 'http://127.0.0.1:1' }))), 'KMS_UNAVAILABLE');
  });

  it('a caller that goes away while the token service hangs is let go at once', async () => {
    tokens.answer(() => 'hang');
    const caller = new AbortController();
    const key = keyWith(await federated());
    const asking = key.describe(caller.signal).catch((error: unknown) => error);
    await tokens.reached(1);
    caller.abort(new Error('gone'));
    assert.match(String(await asking), /gone/);
  });

  const program = join(folder, 'program');
  const broken: readonly { readonly name: string; readonly content: object | string; readonly source?: string }[] = [
    { name: 'that is no JSON', content: 'PRIVATE' },
    { name: 'of another kind', content: federationFile() },
    { name: 'with a broken key', content: keyFile({ private_key: '-----BEGIN PRIVATE KEY-----\nPRIVATE\n' }) },
    { name: 'of 65 KiB', content: keyFile({ comment: 'x'.repeat(65 * 1_024) }) },
    {
      name: 'that runs an executable',
      source: 'federation',
      content: federationFile({ credential_source: { executable: { command: program, timeout_millis: 5_000 } } }),
    },
    { name: 'that sends tokens elsewhere', source: 'federation', content: federationFile({ token_url: 'https://sts.example/' }) },
    {
      name: 'whose token is missing',
      source: 'federation',
      content: federationFile({ credential_source: { file: '/nonexistent' } }),
    },
  ];
  for (const { name, content, source = 'key-file' } of broken) {
    it(`a file ${name} is KEY_MISCONFIGURED, and nothing of it is repeated`, async () => {
      const error = await rejects(describeOnce(keyWith({ source, file: await fileOf(content) })), 'KEY_MISCONFIGURED');
      assert.doesNotMatch(inspect(error, { depth: 9 }), /PRIVATE|BEGIN/);
      assert.equal(kms.requests.length, 0);
    });
  }

  it('a file that is missing is KEY_MISCONFIGURED', async () => {
    await rejects(describeOnce(keyWith({ source: 'key-file', file: '/nonexistent/key.json' })), 'KEY_MISCONFIGURED');
  });

  it('show in no error', async () => {
    tokens.answer((request) => (request.path.endsWith('/token') ? grant(request) : iamError('PERMISSION_DENIED', 403)));
    const credentials = { ...(await federated()), impersonate: { serviceAccount: ACCOUNT, endpoint: tokens.url } };
    const error = await rejects(describeOnce(keyWith(credentials)), 'KEY_ACCESS_DENIED');
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /sts-token|subject\.token/);
  });

  it('are not sent to an endpoint whose certificate is not trusted: that is KEY_MISCONFIGURED', async (t) => {
    const other = selfSigned();
    const pair = { private_key: Buffer.from(other.key), cert_chain: Buffer.from(other.certificate) };
    const stranger = await GcpStub.start(() => keyFacts(), grpc.ServerCredentials.createSsl(null, [pair]));
    t.after(() => stranger.stop());
    const endpoint = `https://localhost:${stranger.port}`;
    await rejects(describeOnce(keyWith(await federated(), endpoint)), 'KEY_MISCONFIGURED');
    assert.equal(stranger.requests.length, 0);
  });

  it('may take their time: the data key is sent as it was when it was asked, though the caller has wiped it', async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    tokens.answer(async (request) => {
      await promise;
      return grant(request);
    });
    kms.answer(() => encrypted(Buffer.from('ciphertext')));
    const dataKey = SecretBytes.own(new Uint8Array(32).fill(7));
    const wrapping = keyWith(await federated()).wrap({ dataKey, context: CONTEXT }, scope().signal);
    await tokens.reached(1);
    dataKey.wipe();
    release();
    await wrapping;
    assert.deepEqual(kms.requests[0]?.request.plaintext, Buffer.alloc(32, 7));
  });
});

/** The claims of a JWT in an authorization header. */
function claimsOf(header: string | undefined): Readonly<Record<string, string>> {
  assert.match(header ?? '', /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  return JSON.parse(Buffer.from(header?.split('.')[1] ?? '', 'base64url').toString());
}

async function withEnvironment(change: Readonly<Record<string, string>>, work: () => Promise<unknown>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, change);
  try {
    await work();
  } finally {
    for (const name of Object.keys(change)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}
