import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { run as runHere } from '../unit/cli/fake-terminal.ts';
import { keysideProgram, run as runProgram, startDaemon, temporaryDirectory } from './daemon-process.ts';

const TENANTS = `
tenants:
  acme:
    keys:
      - { id: acme-1, provider: local, state: primary, local: { storeFile: keys/acme-1.json } }
      - { id: acme-2, provider: local, local: { storeFile: keys/acme-2.json } }
    policy:
      default: { cache: { ttl: 0s } }
      labels:
        pii: { allowedPurposes: [support] }
  globex:
    keys:
      - { id: globex-1, provider: local, state: primary, local: { storeFile: keys/globex-1.json } }
`;

/** A daemon on TCP and on a Unix socket, with a caller's token where `isGuarded`. */
async function deployment(t: TestContext, { isGuarded = false } = {}) {
  const folder = temporaryDirectory(t);
  const keys = join(folder, 'keys');
  mkdirSync(keys, { mode: 0o700 });
  for (const key of ['acme-1', 'acme-2', 'globex-1']) await runHere(['local-kms', 'create', key, '--dir', keys]);
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'a-token-of-some-length', { mode: 0o600 });
  const callers = `callers: [{ id: app, tokenFile: token, tenants: [acme], operations: [encrypt, decrypt] }]\n`;
  const config = join(folder, 'keyside.yaml');
  const listen = 'listen: { tcp: 127.0.0.1:0, http: off, unix: run/keyside.sock }\n';
  writeFileSync(config, `${listen}tenants: tenants.yaml\n${isGuarded ? callers : ''}`);
  writeFileSync(join(folder, 'tenants.yaml'), TENANTS);
  const daemon = await startDaemon(['--config', config]);
  t.after(() => daemon.stop());
  const socket = `unix://${join(folder, 'run/keyside.sock')}`;
  const keyside = (args: readonly string[], input: string | Uint8Array = '') =>
    runHere(args, { input, environment: { KEYSIDE_ADDRESS: daemon.tcp } });
  return { folder, keys, socket, tokenFile, keyside, daemon };
}

async function encrypted(
  keyside: Awaited<ReturnType<typeof deployment>>['keyside'],
  ...args: readonly string[]
): Promise<string> {
  const { exitCode, stdout, stderr } = await keyside(['encrypt', '--tenant', 'acme', ...args]);
  assert.deepEqual([exitCode, stderr], [0, '']);
  return stdout;
}

describe('documents by the command line', () => {
  it('are encrypted and decrypted over TCP and over a Unix socket, whatever their fields are called', async (t) => {
    const { keyside, socket } = await deployment(t);
    const plain = '{"1":"one","ssn":"123-45-6789","__proto__":"é\\ufeff","":""}\n';
    const there = await keyside(['encrypt', '--tenant', 'acme', '--context', 'row=17'], plain);
    assert.deepEqual([there.exitCode, there.stderr], [0, '']);
    assert.doesNotMatch(there.stdout, /123-45/);
    const back = await keyside(['decrypt', '--address', socket, '-'], there.stdout);
    assert.deepEqual([back.exitCode, back.stdout, back.stderr], [0, plain.replace('\\ufeff', '\ufeff'), '']);
  });

  it('hold bytes as base64 or from and to files, 3 MiB of them too', async (t) => {
    const { keyside, folder } = await deployment(t);
    const photo = randomBytes(3 * 2 ** 20);
    writeFileSync(join(folder, 'photo'), photo);
    const document = await encrypted(keyside, '--field', `photo=@${join(folder, 'photo')}`);
    const asText = await keyside(['decrypt'], document);
    assert.deepEqual([asText.exitCode, asText.stdout], [1, '']);
    assert.match(asText.stderr, /field "photo" is no UTF-8 text: give --base64 or --output-dir/);
    const asBase64 = await keyside(['decrypt', '--base64'], document);
    assert.deepEqual(JSON.parse(asBase64.stdout), { photo: photo.toString('base64') });
    const again = await keyside(['encrypt', '--tenant', 'acme', '--base64'], asBase64.stdout);
    const directory = join(folder, 'out');
    assert.equal(
      (await keyside(['decrypt', '--output-dir', directory], again.stdout)).stdout,
      `${directory}/photo: 3145728 bytes\n`,
    );
    assert.deepEqual(readFileSync(join(directory, 'photo')), photo);
    assert.equal(statSync(join(directory, 'photo')).mode & 0o777, 0o600);
    const twice = await keyside(['decrypt', '--output-dir', directory], again.stdout);
    assert.match(twice.stderr, /photo exists already: --force replaces it/);
  });

  it('whose fields are no file names are not written into files, and nothing is asked of the daemon', async (t) => {
    const { keyside, folder } = await deployment(t);
    const document = await encrypted(keyside, '--field', '../../evil=x');
    const { exitCode, stderr } = await keyside(['decrypt', '--output-dir', folder, '--address', '127.0.0.1:1'], document);
    assert.equal(exitCode, 1);
    assert.match(stderr, /field "\.\.\/\.\.\/evil" is no safe name for a file/);
  });

  it('are rejected for another tenant, another context and altered bytes alike', async (t) => {
    const { keyside } = await deployment(t);
    const document = await encrypted(keyside, '--field', 'a=b', '--context', 'row=17');
    const { fields, ...rest } = JSON.parse(document);
    const altered = JSON.stringify({ ...rest, fields: { a: `${fields.a.slice(0, -4)}AAA=` } });
    const answers = [
      await keyside(['decrypt', '--tenant', 'globex'], document),
      await keyside(['decrypt', '--context', 'row=18'], document),
      await keyside(['decrypt'], altered),
    ];
    for (const { exitCode, stdout, stderr } of answers) {
      assert.deepEqual([exitCode, stdout], [1, '']);
      assert.match(stderr, /^CIPHERTEXT_REJECTED: the ciphertext does not verify/);
    }
  });

  it('keep what policy asks for', async (t) => {
    const { keyside } = await deployment(t);
    const args = ['encrypt', '--tenant', 'acme', '--label', 'pii', '--field', 'a=b'];
    assert.match((await keyside(args)).stderr, /^POLICY_DENIED: /);
    assert.equal((await keyside([...args, '--purpose', 'support'])).exitCode, 0);
  });

  it('are rewrapped under another key, and say so beside the document', async (t) => {
    const { keyside } = await deployment(t);
    const document = await encrypted(keyside, '--field', 'a=b', '--context', 'row=17');
    const same = await keyside(['rewrap'], document);
    assert.deepEqual([same.exitCode, same.stdout, same.stderr], [0, document, 'unchanged: key acme-1\n']);
    const moved = await keyside(['rewrap', '--target', 'acme-2'], document);
    assert.deepEqual([moved.exitCode, moved.stderr], [0, 'changed: key acme-2\n']);
    assert.notEqual(JSON.parse(moved.stdout).edek, JSON.parse(document).edek);
    assert.equal((await keyside(['decrypt'], moved.stdout)).stdout, '{"a":"b"}\n');
  });

  it('go dark while their key is disabled, and say who can mend it', async (t) => {
    const { keyside, keys } = await deployment(t);
    const document = await encrypted(keyside, '--field', 'a=b');
    await keyside(['local-kms', 'disable', 'acme-1', '--dir', keys]);
    const { exitCode, stderr } = await keyside(['decrypt'], document);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^KEY_REVOKED: .*acme-1.*\n {2}for the tenant: /);
    await keyside(['local-kms', 'enable', 'acme-1', '--dir', keys]);
    // The refusal is remembered for a second.
    const endMs = Date.now() + 5_000;
    let answer = await keyside(['decrypt'], document);
    while (answer.exitCode !== 0 && Date.now() < endMs) {
      await setTimeout(100);
      answer = await keyside(['decrypt'], document);
    }
    assert.equal(answer.stdout, '{"a":"b"}\n');
  });

  it('of a tenant that is not configured end in TENANT_UNKNOWN', async (t) => {
    const { keyside } = await deployment(t);
    const { exitCode, stderr } = await keyside(['encrypt', '--tenant', 'initech', '--field', 'a=b']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^TENANT_UNKNOWN: no tenant initech is configured\n {2}for whoever runs the daemon: /);
  });

  it('need the token of a caller where callers are configured', async (t) => {
    const { keyside, tokenFile } = await deployment(t, { isGuarded: true });
    const args = ['encrypt', '--tenant', 'acme', '--field', 'a=b'];
    assert.match((await keyside(args)).stderr, /^CALLER_UNAUTHENTICATED: /);
    assert.equal((await keyside([...args, '--token-file', tokenFile])).exitCode, 0);
    const other = await keyside(['encrypt', '--tenant', 'globex', '--field', 'a=b', '--token-file', tokenFile]);
    assert.match(other.stderr, /^CALLER_NOT_ALLOWED: /);
  });

  it('fail in words once the daemon is gone', async (t) => {
    const { keyside, daemon } = await deployment(t);
    await daemon.stop();
    const { exitCode, stderr } = await keyside(['encrypt', '--tenant', 'acme', '--field', 'a=b']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^UNAVAILABLE: no daemon answers at \S+ \(connection refused\)\n {2}.*keyside sidecar/);
  });
});

describe('the program', () => {
  it('writes all of a large result into a slow pipe, and exits with the code of the verb', async (t) => {
    const { daemon, folder } = await deployment(t);
    writeFileSync(join(folder, 'big'), randomBytes(2 ** 20));
    const args = ['encrypt', '--tenant', 'acme', '--address', daemon.tcp, '--field', `a=@${join(folder, 'big')}`];
    const { code, stdout } = await runProgram(process.execPath, [keysideProgram, ...args]);
    assert.equal(code, 0);
    assert.equal(Buffer.from(JSON.parse(stdout).fields.a, 'base64').length, 2 ** 20 + 29);
    assert.equal((await runProgram(process.execPath, [keysideProgram, 'decrypt', '/none'])).code, 1);
    assert.equal((await runProgram(process.execPath, [keysideProgram, 'frob'])).code, 2);
  });
});
