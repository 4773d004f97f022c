import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';
import { exists, run, TOOLS } from './harness.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROXY = join(TOOLS, 'lib/pkcs11-fault-proxy.so');
const PROXY_SOURCE = join(import.meta.dirname, 'pkcs11-fault-proxy.c');
const PKCS11JS = join(ROOT, 'node_modules/pkcs11js');

export const PIN = '1234';
const SO_PIN = '12345678';

/** A PKCS#11 module with a token of its own, whose PIN is `PIN`. */
export interface TestHsm {
  readonly module: string;
  readonly initString: string | undefined;
  readonly tokenLabel: string;
  readonly pinFile: string;
  /** Files of this test; removed after it. */
  readonly folder: string;
}

export type Prepared = TestHsm | { readonly missing: string };

interface Kind {
  readonly name: string;
  readonly package: string;
  /** A program of the package, to see whether it is there. */
  readonly program: string;
  readonly modules: readonly string[];
  prepare(module: string, folder: string): Promise<Pick<TestHsm, 'initString' | 'tokenLabel'>>;
}

/** SoftHSM (Debian `softhsm2`): its place is told by the environment, which the module's process inherits. */
export const SOFTHSM: Kind = {
  name: 'SoftHSM',
  package: 'softhsm2',
  program: 'softhsm2-util',
  modules: ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'],
  async prepare(_module, folder) {
    await mkdir(join(folder, 'tokens'));
    const file = join(folder, 'softhsm2.conf');
    await writeFile(file, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`);
    process.env.SOFTHSM2_CONF = file;
    await initSoftHsmToken('keyside');
    return { initString: undefined, tokenLabel: 'keyside' };
  },
};

export async function initSoftHsmToken(label: string): Promise<void> {
  await run('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', SO_PIN, '--pin', PIN]);
}

/** NSS softokn (Debian `libnss3`, `libnss3-tools`): its place is told by the init string. */
export const NSS: Kind = {
  name: 'NSS softokn',
  package: 'libnss3-tools',
  program: 'certutil',
  modules: ['x86_64-linux-gnu/', 'aarch64-linux-gnu/', '', '../lib64/'].map((folder) => `/usr/lib/${folder}libsoftokn3.so`),
  async prepare(_module, folder) {
    const database = join(folder, 'nss');
    await mkdir(database);
    await run('certutil', ['-N', '-d', `sql:${database}`, '-f', join(folder, 'pin')]);
    const initString = `configdir='sql:${database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
    return { initString, tokenLabel: 'NSS Certificate DB' };
  },
};

/**
 * A token in a temporary folder. Where the module, the compiler or the built pkcs11js cannot be had: says so in one line, or throws
 * where `CI=true`.
 */
export async function prepareHsm(kind: Kind): Promise<Prepared> {
  try {
    await ensureNatives();
    const module = await installed(kind);
    const folder = await mkdtemp(join(tmpdir(), 'keyside-pkcs11-'));
    after(() => rm(folder, { recursive: true, force: true }));
    const pinFile = join(folder, 'pin');
    await writeFile(pinFile, `${PIN}\n`, { mode: 0o600 });
    return { module, folder, pinFile, ...(await kind.prepare(module, folder)) };
  } catch (error) {
    const missing = `${kind.name} is skipped: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    if (process.env.CI === 'true') throw new Error(missing, { cause: error });
    console.log(`# ${missing}`);
    return { missing };
  }
}

/** The module behind a proxy that counts calls and does what its script says. */
export class ProxiedModule {
  readonly module: string;

  private constructor(module: string) {
    this.module = module;
  }

  static async before(hsm: TestHsm, script: readonly string[] = []): Promise<ProxiedModule> {
    const module = join(await mkdtemp(join(hsm.folder, 'proxy-')), 'module.so');
    await copyFile(PROXY, module);
    await writeFile(`${module}.module`, hsm.module);
    await writeFile(`${module}.log`, '');
    const proxied = new ProxiedModule(module);
    await proxied.script(...script);
    return proxied;
  }

  async script(...lines: readonly string[]): Promise<void> {
    await writeFile(`${this.module}.script`, lines.map((line) => `${line}\n`).join(''));
  }

  /** How often these functions were called. */
  count(...functions: readonly string[]): number {
    const lines = readFileSync(`${this.module}.log`, 'utf8').split('\n');
    return lines.filter((line) => functions.includes(line)).length;
  }

  async reached(...functions: readonly string[]): Promise<void> {
    while (this.count(...functions) === 0) await new Promise((done) => setTimeout(done, 5));
  }
}

async function ensureNatives(): Promise<void> {
  const product = join(PKCS11JS, 'build/Release/pkcs11.node');
  if (!(await exists(product))) {
    const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'postinstall'], { cwd: ROOT });
    if (!(await exists(product))) throw new Error(stdout.trim() || 'pkcs11js could not be built');
  }
  const isCurrent = (await modifiedMs(PROXY)) > (await modifiedMs(PROXY_SOURCE));
  if (isCurrent) return;
  await mkdir(join(TOOLS, 'lib'), { recursive: true });
  await run('cc', ['-shared', '-fPIC', '-O1', '-I', join(PKCS11JS, 'includes'), '-o', PROXY, PROXY_SOURCE, '-ldl', '-lpthread']);
}

async function modifiedMs(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

async function installed(kind: Kind): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const isThere = await run('sh', ['-c', `command -v ${kind.program}`]).then(
      () => true,
      () => false,
    );
    const found = await Promise.all(kind.modules.map(exists));
    return isThere ? kind.modules[found.indexOf(true)] : undefined;
  };
  const known = await find();
  if (known !== undefined) return known;
  if (process.getuid?.() !== 0) throw new Error(`the package ${kind.package} is not installed, and only root can install it`);
  const install = (): Promise<void> =>
    run('apt-get', ['install', '--yes', '--no-install-recommends', kind.package], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  await install().catch(async () => {
    await run('apt-get', ['update']);
    await install();
  });
  const module = await find();
  if (module === undefined) throw new Error(`installing ${kind.package} left no module in ${kind.modules.join(', ')}`);
  return module;
}
