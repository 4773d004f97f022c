import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { KmsKey } from '../../src/kms/kms.ts';
import type { VaultAuth, VaultSettings } from '../../src/kms/vault/config.ts';
import { CONTEXT, guardOf, rejects, scope, wrapSample } from '../contract/kms-calls.ts';
import { freePort, skipOf, startCounterpart } from './harness.ts';
import { policyFor, VaultAdmin } from './vault-admin.ts';
import { openbao } from './vault-openbao.ts';
import { openVaultKey } from './vault-subject.ts';

const folder = await mkdtemp(join(tmpdir(), 'keyside-vault-tls-'));
after(() => rm(folder, { recursive: true, force: true }));

const inFolder = (name: string) => join(folder, name);

/** One server is the certificate authority; another has a listener that demands its client certificates. */
const authority = await startCounterpart(openbao());
const tlsPort = await freePort();
if ('url' in authority) await issueCertificates(new VaultAdmin(authority.url));
const server = 'url' in authority ? await startCounterpart(openbao(inFolder('listener.hcl'))) : authority;

describe('a Vault key over TLS with client certificates, at OpenBao', { skip: skipOf(server) }, () => {
  const admin = new VaultAdmin('url' in server ? server.url : '');
  const address = `https://127.0.0.1:${tlsPort}`;
  const files = {
    caFile: inFolder('ca.pem'),
    clientCertificateFile: inFolder('client.pem'),
    clientKeyFile: inFolder('client-key.pem'),
  };
  const opened: KmsKey[] = [];
  let keyName: string;
  let auth: VaultAuth;

  before(async () => {
    await admin.setUp();
    keyName = await admin.createKey();
    await admin.writePolicy('keyside', policyFor(keyName));
    auth = await admin.appRole('keyside');
  });
  after(async () => {
    await Promise.all(opened.map((key) => key.close()));
    await admin.close();
  });

  function open(settings: Partial<VaultSettings>): KmsKey {
    const key = openVaultKey({ address, keyName, auth, ...settings });
    opened.push(key);
    return key;
  }
  const describeOnce = (key: KmsKey) => guardOf(key, { maxAttempts: 1 }).describe(scope());

  it('wraps and unwraps where both sides trust each other', async () => {
    const key = guardOf(open(files));
    (await key.unwrap({ wrapped: await wrapSample(key), context: CONTEXT }, scope())).wipe();
  });

  const faults = [
    { name: 'the certificates that Node trusts', settings: { ...files, caFile: undefined }, says: /not trusted here/ },
    { name: 'another authority', settings: { ...files, caFile: inFolder('other-ca.pem') }, says: /not trusted here/ },
    {
      name: 'a name that is not in the certificate',
      settings: { ...files, address: address.replace('127.0.0.1', 'localhost') },
      says: /not trusted here/,
    },
    { name: 'no client certificate', settings: { caFile: files.caFile }, says: /client certificate/ },
    {
      name: 'a client certificate of another authority',
      settings: { ...files, clientCertificateFile: inFolder('other.pem'), clientKeyFile: inFolder('other-key.pem') },
      says: /client certificate/,
    },
    {
      name: 'a key that belongs to another certificate',
      settings: { ...files, clientKeyFile: inFolder('other-key.pem') },
      says: /do not belong together/,
    },
    { name: 'a file that is no PEM', settings: { ...files, clientKeyFile: inFolder('listener.hcl') }, says: /not PEM/ },
    {
      name: 'a file that is not there',
      settings: { ...files, caFile: inFolder('none.pem') },
      says: /TLS settings cannot be read/,
    },
  ];
  for (const { name, settings, says } of faults) {
    it(`with ${name} is KEY_MISCONFIGURED`, async () => {
      const defined = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
      assert.match((await rejects(describeOnce(open(defined)), 'KEY_MISCONFIGURED')).message, says);
    });
  }

  it('at a port that does not speak TLS is KEY_MISCONFIGURED', async () => {
    const plain = admin.url.replace('http:', 'https:');
    assert.match((await rejects(describeOnce(open({ ...files, address: plain })), 'KEY_MISCONFIGURED')).message, /not speak TLS/);
  });

  it('in the clear at a port that speaks TLS is KEY_MISCONFIGURED', async () => {
    await rejects(describeOnce(open({ address: address.replace('https:', 'http:') })), 'KEY_MISCONFIGURED');
  });

  it('takes another client certificate as soon as the files have one', async () => {
    const [clientCertificateFile, clientKeyFile] = [inFolder('rotating.pem'), inFolder('rotating-key.pem')];
    const put = async (name: string) => {
      await copyFile(inFolder(`${name}.pem`), clientCertificateFile);
      await copyFile(inFolder(`${name}-key.pem`), clientKeyFile);
    };
    await put('client');
    const key = open({ ...files, clientCertificateFile, clientKeyFile });
    await describeOnce(key);
    await put('other');
    await rejects(describeOnce(key), 'KEY_MISCONFIGURED');
    await put('client');
    await describeOnce(key);
  });
});

async function issueCertificates(admin: VaultAdmin): Promise<void> {
  for (const mount of ['pki', 'pki-other']) {
    await admin.do('POST', `sys/mounts/${mount}`, { type: 'pki' });
    await admin.do('POST', `${mount}/root/generate/internal`, { common_name: mount, key_type: 'ec', ttl: '24h' });
    await admin.do('POST', `${mount}/roles/any`, { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', ttl: '2h' });
  }
  const issue = async (mount: string, common_name: string, names: Readonly<Record<string, string>> = {}) => {
    const issued = await admin.do('POST', `${mount}/issue/any`, { common_name, exclude_cn_from_sans: true, ...names });
    await writeFile(inFolder(`${common_name}.pem`), String(issued.certificate));
    await writeFile(inFolder(`${common_name}-key.pem`), String(issued.private_key), { mode: 0o600 });
    return String(issued.issuing_ca);
  };
  await issue('pki', 'server', { ip_sans: '127.0.0.1' });
  await writeFile(inFolder('ca.pem'), await issue('pki', 'client'));
  await writeFile(inFolder('other-ca.pem'), await issue('pki-other', 'other'));
  await writeFile(
    inFolder('listener.hcl'),
    `listener "tcp" {
  address                            = "127.0.0.1:${tlsPort}"
  tls_cert_file                      = "${inFolder('server.pem')}"
  tls_key_file                       = "${inFolder('server-key.pem')}"
  tls_client_ca_file                 = "${inFolder('ca.pem')}"
  tls_require_and_verify_client_cert = true
}
`,
  );
}
