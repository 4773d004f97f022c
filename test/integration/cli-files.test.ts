import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { run } from '../unit/cli/fake-terminal.ts';
import { keysideProgram, startDaemon, temporaryDirectory } from './daemon-process.ts';

const TENANTS = `
tenants:
  acme: { keys: [{ id: acme-1, provider: local, state: primary, local: { storeFile: keys/acme-1.json } }] }
  globex: { keys: [{ id: globex-1, provider: local, state: primary, local: { storeFile: keys/globex-1.json } }] }
`;
const BYTES = 20 * 2 ** 20 + 1;

/** A daemon, and a file that `encrypt --file` made of random bytes. */
async function sealedFile(t: TestContext, ...args: readonly string[]) {
  const folder = temporaryDirectory(t);
  const keys = join(folder, 'keys');
  mkdirSync(keys, { mode: 0o700 });
  for (const key of ['acme-1', 'globex-1']) await run(['local-kms', 'create', key, '--dir', keys]);
  writeFileSync(join(folder, 'keyside.yaml'), 'listen: { tcp: 127.0.0.1:0, http: off }\ntenants: tenants.yaml\n');
  writeFileSync(join(folder, 'tenants.yaml'), TENANTS);
  const daemon = await startDaemon(['--config', join(folder, 'keyside.yaml')]);
  t.after(() => daemon.stop());
  const work = join(folder, 'work');
  mkdirSync(work);
  const at = (name: string): string => join(work, name);
  const plaintext = randomBytes(BYTES);
  writeFileSync(at('dump'), plaintext);
  const keyside = (verb: string, ...rest: readonly string[]) =>
    run([verb, ...rest], { environment: { KEYSIDE_ADDRESS: daemon.tcp } });
  const made = await keyside('encrypt', '--tenant', 'acme', '--file', at('dump'), ...args);
  assert.deepEqual([made.exitCode, made.stderr], [0, '']);
  const decrypt = (...rest: readonly string[]) => keyside('decrypt', '--tenant', 'acme', ...rest);
  return { at, plaintext, keyside, decrypt, made, tcp: daemon.tcp, names: () => readdirSync(work).sort() };
}

describe('files by the command line', () => {
  it('are sealed and opened, whatever their size, and replaced only where that is asked for', async (t) => {
    const { at, plaintext, decrypt, made, names } = await sealedFile(t);
    assert.equal(made.stdout, `${at('dump.keyside')}: ${statSync(at('dump.keyside')).size} bytes\n`);
    const there = await decrypt('--file', at('dump.keyside'));
    assert.match(there.stderr, /dump exists already: --force replaces it/);
    const back = await decrypt('--file', at('dump.keyside'), '--output', at('back'));
    assert.deepEqual([back.exitCode, back.stdout, back.stderr], [0, `${at('back')}: ${BYTES} bytes\n`, '']);
    assert.ok(readFileSync(at('back')).equals(plaintext));
    assert.equal(statSync(at('back')).mode & 0o777, 0o600);
    assert.equal((await decrypt('--file', at('dump.keyside'), '--force')).exitCode, 0);
    assert.deepEqual(names(), ['back', 'dump', 'dump.keyside']);
  });

  it('leave nothing where they are another tenant’s, or cut off', async (t) => {
    const { at, keyside, decrypt, names } = await sealedFile(t);
    writeFileSync(at('cut'), readFileSync(at('dump.keyside')).subarray(0, 15_000_000));
    const answers = [
      await keyside('decrypt', '--tenant', 'globex', '--file', at('dump.keyside'), '--output', at('back')),
      await decrypt('--file', at('cut'), '--output', at('back')),
    ];
    for (const { exitCode, stderr } of answers) {
      assert.equal(exitCode, 1);
      assert.match(stderr, /^CIPHERTEXT_REJECTED: /);
    }
    assert.deepEqual(names(), ['cut', 'dump', 'dump.keyside']);
  });

  for (const isDetached of [false, true]) {
    it(`give parts, and go on after a break, the header ${isDetached ? 'apart' : 'before the body'}`, async (t) => {
      const folder = temporaryDirectory(t);
      const edek = isDetached ? ['--edek', join(folder, 'edek')] : [];
      const { at, plaintext, decrypt, names } = await sealedFile(t, ...edek);
      const input = ['--file', at('dump.keyside'), ...edek];
      const part = await decrypt(...input, '--output', at('piece'), '--offset', '1MiB', '--length', '100000');
      assert.deepEqual([part.exitCode, part.stderr], [0, '']);
      assert.ok(readFileSync(at('piece')).equals(plaintext.subarray(2 ** 20, 2 ** 20 + 100_000)));

      writeFileSync(at('back.part'), plaintext.subarray(0, 7_654_321), { mode: 0o600 });
      const again = await decrypt(...input, '--output', at('back'));
      assert.match(again.stderr, /back\.part is there from another run: --resume goes on with it/);
      const resumed = await decrypt(...input, '--output', at('back'), '--resume');
      assert.deepEqual([resumed.exitCode, resumed.stderr], [0, '']);
      assert.ok(readFileSync(at('back')).equals(plaintext));

      writeFileSync(at('other.part'), randomBytes(50_000));
      const foreign = await decrypt(...input, '--output', at('other'), '--resume');
      assert.equal(foreign.exitCode, 1);
      assert.match(foreign.stderr, /other\.part is not the beginning of this object/);
      assert.equal(existsSync(at('other')), false);
      assert.deepEqual(names(), ['back', 'dump', 'dump.keyside', 'other.part', 'piece']);
    });
  }

  for (const [verb, given, left] of [
    ['encrypt', 'dump', []],
    ['decrypt', 'dump.keyside', ['back.part']],
  ] as const) {
    it(`that Ctrl-C stops ${verb}ing leave no output, and say so`, async (t) => {
      const { at, plaintext, decrypt, names, tcp } = await sealedFile(t);
      const args = [verb, '--tenant', 'acme', '--address', tcp, '--file', '-', '--output', at('back')];
      const child = spawn(process.execPath, [keysideProgram, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (text) => {
        said += text;
      });
      // It ends before it has read everything, which is the point.
      child.stdin.on('error', () => undefined);
      child.stdin.write(readFileSync(at(given)).subarray(0, 5_000_000));
      const partly = (): boolean => names().some((name) => /keyside-|part$/.test(name) && statSync(at(name)).size > 3_000_000);
      const endMs = Date.now() + 15_000;
      while (!partly() && Date.now() < endMs) await setTimeout(20);
      child.kill('SIGINT');
      assert.deepEqual(await once(child, 'exit'), [1, null]);
      assert.match(said, /CANCELLED: stopped before the end: there is no output\n$/);
      assert.deepEqual(names(), [...left, 'dump', 'dump.keyside']);
      if (verb === 'encrypt') return;
      assert.match(said, /back\.part keeps \d+ bytes of plaintext: --resume goes on from there/);
      const resumed = await decrypt('--file', at('dump.keyside'), '--output', at('back'), '--resume');
      assert.deepEqual([resumed.exitCode, resumed.stderr], [0, '']);
      assert.ok(readFileSync(at('back')).equals(plaintext));
    });
  }
});
