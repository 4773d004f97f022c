import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Authority } from '../../src/injector/certificates/authority.ts';
import { run } from '../unit/cli/fake-terminal.ts';
import { describeInjectedPod } from './image-pod.ts';
import { buildImage, type Image } from './image-steps.ts';
import { prepareHsm, SOFTHSM, type TestHsm } from './pkcs11-modules.ts';
import { TokenOfficer } from './pkcs11-officer.ts';

const START_MS = 20_000;
const HOUR_MS = 3_600_000;
const KEY_LABEL = 'keyside-image';

const hsm = await prepareHsm(SOFTHSM);
const isRoot = process.getuid?.() === 0;
// Built where the image's user can read it; a temporary folder of root's may be closed.
const base = join(tmpdir(), `keyside-image-${process.pid}`);

describe("the image's content, built by the Dockerfile's own steps", { timeout: 300_000 }, () => {
  let image: Image;
  let daemon: ChildProcess | undefined;
  let tcp = '';
  const volume = join(base, 'volume');
  const config = join(volume, 'keyside.yaml');

  /** As the image's user where this machine lets us, with nothing of our own environment. */
  const inImage = (args: readonly string[]) => {
    const [uid, gid] = image.user.split(':');
    const asUser = isRoot ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'] : ['env'];
    const [program = '', ...words] = [...asUser, process.execPath, ...args];
    const environment = { ...image.environment, KEYSIDE_CONFIG: config, SOFTHSM2_CONF: process.env.SOFTHSM2_CONF };
    return { program, words, options: { cwd: image.app, env: { PATH: process.env.PATH, ...environment } } };
  };

  before(async () => {
    await mkdir(base, { mode: 0o755 });
    image = await buildImage(base);
    await mkdir(volume);
    await giveToUser(volume, image);
    const { program, words, options } = inImage(['bin/keyside.js', 'init', volume]);
    await promisify(execFile)(program, words, options);
    await writeFile(config, (await readFile(config, 'utf8')).replaceAll(/127\.0\.0\.1:746[01]/g, '127.0.0.1:0'));
    await writeFile(config, (await readFile(config, 'utf8')).replace('tenants: [example]', "tenants: ['*']"));
    if ('module' in hsm) await addHsmTenant(hsm, volume, image);
    ({ daemon, tcp } = await start(inImage(image.command)));
  });
  after(async () => {
    daemon?.kill('SIGTERM');
    if (daemon?.exitCode === null) await once(daemon, 'exit');
    // What is read-only cannot be removed by its owner unless he is root.
    if (!isRoot) spawnSync('chmod', ['-R', 'u+w', base]);
    await rm(base, { recursive: true, force: true });
  });

  const roundTrip = async (tenant: string): Promise<void> => {
    const options = ['--address', tcp, '--tenant', tenant, '--token-file', join(volume, 'secrets/app-token')];
    const encrypted = await run(['encrypt', ...options], { input: '{"ssn":"123-45-6789"}' });
    assert.deepEqual([encrypted.exitCode, encrypted.stderr], [0, '']);
    const decrypted = await run(['decrypt', ...options], { input: encrypted.stdout });
    assert.deepEqual([decrypted.stdout, decrypted.stderr], ['{"ssn":"123-45-6789"}\n', '']);
  };

  it('runs compiled code, as a user without rights', async () => {
    assert.ok((await readdir(image.app)).includes('dist') && !(await readdir(image.app)).includes('src'));
    if (isRoot) assert.match(await readFile(`/proc/${daemon?.pid}/status`, 'utf8'), /^Uid:\t65532\t65532\t65532\t65532$/m);
  });

  it('encrypts and decrypts under a software key', () => roundTrip('example'));

  it('encrypts and decrypts under a key in SoftHSM', { skip: 'missing' in hsm ? hsm.missing : false }, () => roundTrip('hsm'));

  it('starts from what its compiler kept, in a tree that it cannot write to', async (t) => {
    const isItsUser = isRoot || `${process.getuid?.()}` === image.user.split(':')[0];
    if (!isItsUser) return t.skip('the cache is for the user of the image, which only root can become');
    const { program, words, options } = inImage(['--disable-sigusr1', 'bin/keyside.js', '--version']);
    const env = { ...options.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const { stderr } = await promisify(execFile)(program, words, { ...options, env, maxBuffer: 2 ** 26 });
    assert.match(stderr, /cache for ESM .*dist\/src\/main\/keyside\.js was accepted/);
    assert.doesNotMatch(stderr, /was rejected/);
  });

  it('runs the injector', async () => {
    const folder = join(volume, 'injector');
    await mkdir(folder);
    const { authority } = Authority.make({ nowMs: Date.now(), lifetimeMs: HOUR_MS });
    const pair = authority.issue({ dnsNames: ['keyside-injector.keyside.svc'], nowMs: Date.now(), lifetimeMs: HOUR_MS });
    await writeFile(join(folder, 'tls.crt'), pair.certificate);
    await writeFile(join(folder, 'tls.key'), pair.privateKey);
    const settings = [
      'listen: { webhook: "127.0.0.1:0", http: "127.0.0.1:0" }',
      'sidecar: { image: registry.example.com/keyside:0.1.0, nativeSidecars: on }',
      'certificates: { source: files, directory: . }',
    ];
    await writeFile(join(folder, 'injector.yaml'), `${settings.join('\n')}\n`);
    await giveToUser(folder, image);
    const args = [...image.command.filter((word) => word !== 'sidecar'), 'injector', '--config', join(folder, 'injector.yaml')];
    const { daemon: injector } = await start(inImage(args));
    injector.kill('SIGTERM');
    assert.deepEqual(await once(injector, 'exit'), [0, null]);
  });

  describeInjectedPod(base, () => image);

  it('holds neither development packages nor what is only for building', async () => {
    const files = await readdir(image.app, { recursive: true });
    for (const unwanted of [
      /^node_modules\/typescript\//,
      /^node_modules\/node-linux/,
      /\.d\.ts$/,
      /\.map$/,
      /^tools\//,
      /\.cpp$/,
    ]) {
      assert.deepEqual(
        files.filter((file) => unwanted.test(file)),
        [],
      );
    }
    assert.ok(files.includes('node_modules/pkcs11js/build/Release/pkcs11.node'));
  });
});

async function addHsmTenant({ module, folder, pinFile, tokenLabel }: TestHsm, volume: string, image: Image): Promise<void> {
  const officer = await TokenOfficer.at({ module, folder, pinFile, tokenLabel, initString: undefined });
  officer.createSecretKey({ label: KEY_LABEL });
  const block = `{ module: ${module}, preset: softhsm, token: { label: ${tokenLabel} }, key: { label: ${KEY_LABEL} }, pinFile: ${pinFile} }`;
  const tenant = `tenants:\n  hsm:\n    keys:\n      - { id: hsm-1, provider: pkcs11, state: primary, pkcs11: ${block} }\n`;
  await writeFile(join(volume, 'tenants/hsm.yaml'), tenant, { mode: 0o644 });
  await chmod(folder, 0o755);
  await giveToUser(folder, image);
}

async function giveToUser(folder: string, { user }: Image): Promise<void> {
  if (isRoot) await promisify(execFile)('chown', ['-R', user, folder]);
}

async function start({ program, words, options }: Readonly<Record<'program', string>> & { words: string[]; options: object }) {
  const daemon = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: daemon.stdout });
  const timer = setTimeout(() => daemon.kill('SIGKILL'), START_MS);
  const said: string[] = [];
  try {
    for await (const line of lines) {
      said.push(line);
      const { message, tcp } = line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : {};
      if (message === 'listening') return { daemon, tcp: String(tcp) };
    }
  } finally {
    clearTimeout(timer);
    daemon.stdout.resume();
  }
  throw new Error(`the daemon did not listen:\n${said.join('\n')}`);
}
