import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { HttpsApiServer } from '../../../../src/injector/certificates/api-server.ts';
import { Authority } from '../../../../src/injector/certificates/authority.ts';
import { hasNativeSidecars } from '../../../../src/injector/certificates/server-version.ts';
import { FakeApiServer } from '../../../fakes/fake-api-server.ts';
import { temporaryDirectory } from '../../../integration/daemon-process.ts';
import { LEASE_PATH, SECRET_PATH, secret } from './samples.ts';

async function setUp(t: TestContext): Promise<{ server: FakeApiServer; api: HttpsApiServer }> {
  const server = new FakeApiServer(temporaryDirectory(t));
  await server.start();
  const api = new HttpsApiServer({
    origin: `https://${server.host}:${server.port}`,
    tokenFile: server.tokenFile,
    caFile: server.caFile,
    timeoutMs: 2_000,
  });
  t.after(async () => {
    api.close();
    await server.stop();
  });
  return { server, api };
}

const COLLECTION = SECRET_PATH.slice(0, SECRET_PATH.lastIndexOf('/'));

describe('the client of the API server', () => {
  it('makes, reads, replaces and patches objects', async (t) => {
    const { server, api } = await setUp(t);
    const made = await api.create(COLLECTION, secret({ 'tls.crt': 'ä' }));
    assert.deepEqual(await api.get(SECRET_PATH), made);
    const replaced = await api.replace(SECRET_PATH, { ...made, type: 'Other' });
    assert.equal(replaced.type, 'Other');
    await api.patch(SECRET_PATH, [{ op: 'replace', path: '/type', value: 'Opaque' }]);
    assert.equal(server.objects.peek(SECRET_PATH).type, 'Opaque');
  });

  const failures: readonly { name: string; act: (api: HttpsApiServer) => Promise<unknown>; failure: string; message: RegExp }[] =
    [
      {
        name: 'what is missing',
        act: (api) => api.get(LEASE_PATH),
        failure: 'missing',
        message: /^GET \/apis\/coordination\.k8s\.io\/.*: 404 .* not found$/,
      },
      {
        name: 'what was changed by another since it was read',
        act: async (api) => {
          const made = await api.create(COLLECTION, secret());
          await api.replace(SECRET_PATH, made);
          await api.replace(SECRET_PATH, made);
        },
        failure: 'conflict',
        message: /409 .* has been modified$/,
      },
      {
        name: 'what is there already',
        act: async (api) => {
          for (let time = 0; time < 2; time += 1) await api.create(COLLECTION, secret());
        },
        failure: 'conflict',
        message: /409 .* already exists$/,
      },
      {
        name: 'a request that is at fault',
        act: async (api) => {
          await api.create(COLLECTION, secret());
          await api.patch(SECRET_PATH, [{ op: 'replace', path: '/nowhere/at/all', value: 1 }]);
        },
        failure: 'refused',
        message: /422/,
      },
    ];
  for (const { name, act, failure, message } of failures) {
    it(`tells ${name}`, async (t) => {
      const { api } = await setUp(t);
      await assert.rejects(act(api), { name: 'ApiServerError', failure, message });
    });
  }

  it('tells what roles do not allow', async (t) => {
    const { server, api } = await setUp(t);
    server.forbids = ({ method }) => method === 'GET';
    await assert.rejects(api.get(SECRET_PATH), { failure: 'forbidden', message: /403 .* is forbidden$/ });
  });

  it('reads the token for each request, since kubelets replace it', async (t) => {
    const { server, api } = await setUp(t);
    await api.create(COLLECTION, secret());
    server.giveToken('token-2');
    await api.get(SECRET_PATH);
    server.tokens.clear();
    await assert.rejects(api.get(SECRET_PATH), { failure: 'unauthorized' });
  });

  it('reads the authorities for each request, and believes no other', async (t) => {
    const { server, api } = await setUp(t);
    await api.create(COLLECTION, secret());
    writeFileSync(server.caFile, Authority.make({ nowMs: Date.now(), lifetimeMs: 3_600_000 }).pair.certificate);
    const asked = server.asked.length;
    await assert.rejects(api.get(SECRET_PATH), { failure: 'unavailable', message: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/ });
    assert.equal(server.asked.length, asked);
  });

  it('believes no stranger where the environment tells Node to', async (t) => {
    const { server, api } = await setUp(t);
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    t.after(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    writeFileSync(server.caFile, Authority.make({ nowMs: Date.now(), lifetimeMs: 3_600_000 }).pair.certificate);
    await assert.rejects(api.get(SECRET_PATH), { failure: 'unavailable', message: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/ });
    assert.equal(server.asked.length, 0);
  });

  it('gives up in time where nobody answers, and comes back when somebody does', async (t) => {
    const { server, api } = await setUp(t);
    await api.create(COLLECTION, secret());
    server.isOut = true;
    await assert.rejects(api.get(SECRET_PATH), { failure: 'unavailable' });
    server.isSilent = true;
    server.isOut = false;
    const impatient = new HttpsApiServer({
      origin: `https://${server.host}:${server.port}`,
      tokenFile: server.tokenFile,
      caFile: server.caFile,
      timeoutMs: 100,
    });
    t.after(() => impatient.close());
    await assert.rejects(impatient.get(SECRET_PATH), { failure: 'unavailable', message: /no answer within 100 ms$/ });
    server.isSilent = false;
    await api.get(SECRET_PATH);
  });

  it('says which file it misses', async (t) => {
    const { server } = await setUp(t);
    const api = new HttpsApiServer({
      origin: 'https://localhost:1',
      tokenFile: '/nowhere/token',
      caFile: server.caFile,
      timeoutMs: 2_000,
    });
    await assert.rejects(api.get(SECRET_PATH), { failure: 'unavailable', message: /ENOENT: .*\/nowhere\/token/ });
  });
});

describe('native sidecars', () => {
  const versions: readonly [version: Readonly<Record<string, unknown>>, has: boolean][] = [
    [{ major: '1', minor: '28' }, false],
    [{ major: '1', minor: '29' }, true],
    [{ major: '1', minor: '29+' }, true],
    [{ major: '1', minor: '9' }, false],
    [{ major: '1', minor: '100' }, true],
    [{ major: '2', minor: '0' }, true],
  ];
  for (const [version, has] of versions) {
    it(`are ${has ? 'there' : 'not there'} in ${JSON.stringify(version)}`, async () => {
      assert.equal(await hasNativeSidecars({ get: async () => version }), has);
    });
  }

  it('are not known of a server that says no version', async () => {
    for (const version of [{}, { major: 1, minor: 29 }, { major: '1', minor: 'x' }]) {
      await assert.rejects(hasNativeSidecars({ get: async () => version }), /says no version/);
    }
  });
});
