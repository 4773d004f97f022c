import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { nodeCipher } from '../../src/cipher/node-cipher.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MIB = 2 ** 20;
const run = promisify(execFile);

/** Seals with a pool that was imported from the folder of the program; says how many bytes there are, and the last of them. */
const PROGRAM = `
  const { BulkPool } = await import('./dist/src/cipher/bulk-pool.js');
  const pool = new BulkPool({ workers: 1 });
  const job = { work: 'seal', key: Buffer.alloc(32, 1), nonce: Buffer.alloc(12, 2), aad: Buffer.from('aad'), headroom: 0 };
  const sealed = await pool.run({ ...job, input: Buffer.alloc(${MIB}, 3) }, new AbortController().signal);
  console.log(sealed.length, Buffer.from(sealed.subarray(-48)).toString('hex'));
  // Nothing is closed: an idle worker must not keep a process alive.
`;

/** The bulk cipher compiled as for the image: in `dist`, beside the native cipher where there is one, and nothing may be written. */
async function compiled(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-compiled-'));
  const settings = {
    extends: join(ROOT, 'tsconfig.build.json'),
    compilerOptions: { rootDir: ROOT, outDir: join(folder, 'dist'), typeRoots: [join(ROOT, 'node_modules/@types')] },
    files: ['bulk-pool.ts', 'bulk-worker.ts'].map((name) => join(ROOT, 'src/cipher', name)),
    include: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'program.js'), PROGRAM);
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', folder]);
  if (existsSync(join(ROOT, 'build/cipher.node'))) symlinkSync(join(ROOT, 'build'), join(folder, 'build'));
  const folders = [
    folder,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name)),
  ];
  for (const each of folders) chmodSync(each, 0o555);
  t.after(() => {
    for (const each of folders) chmodSync(each, 0o755);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

it('the workers of the bulk cipher run compiled, from a folder that nobody may write to', async (t) => {
  const folder = await compiled(t);
  const { stdout } = await run(process.execPath, ['--disable-sigusr1', 'program.js'], { cwd: folder, timeout: 60_000 });
  const cipher = nodeCipher();
  const sealed = Buffer.alloc(MIB + 16);
  const input = { nonce: Buffer.alloc(12, 2), aad: Buffer.from('aad'), plaintext: Buffer.alloc(MIB, 3) };
  cipher.seal(cipher.importKey(Buffer.alloc(32, 1)), input, sealed);
  assert.equal(stdout.trim(), `${sealed.length} ${sealed.toString('hex', MIB - 32)}`);
});
