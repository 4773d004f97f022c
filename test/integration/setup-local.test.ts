import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { keysideProgram, temporaryDirectory } from './daemon-process.ts';

const SCRIPT = resolve(import.meta.dirname, '../../deploy/policies/local/setup.sh');

function setup(t: TestContext, owner: Readonly<Record<string, string>> = {}) {
  const above = temporaryDirectory(t);
  chmodSync(above, 0o755);
  const folder = join(above, 'keys');
  const env = { ...process.env, ...owner, KEY: 'acme', DIR: folder, KEYSIDE: `${process.execPath} ${keysideProgram}` };
  const run = () => {
    const { status, stdout, stderr } = spawnSync(SCRIPT, { env, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  return { folder, file: join(folder, 'acme.json'), run };
}

describe('deploy/policies/local/setup.sh', () => {
  it('makes a key store for its owner alone, and leaves one that is there as it is', (t) => {
    const { folder, file, run } = setup(t);
    const { status, stdout, stderr } = run();
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(stdout.includes(`local: { storeFile: ${file} }`), stdout);
    assert.deepEqual([statSync(folder).mode & 0o777, statSync(file).mode & 0o777], [0o700, 0o600]);
    const before = readFileSync(file);
    assert.equal(run().status, 0);
    assert.deepEqual(readFileSync(file), before);
  });

  it('ends in 1 where others may open the file', (t) => {
    const { file, run } = setup(t);
    run();
    chmodSync(file, 0o644);
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr, /^KEY_MISCONFIGURED: .*mode 0644/);
  });

  const another = ['--reuid=65532', '--regid=65532', '--clear-groups', process.execPath, keysideProgram, '--version'];
  const skip = spawnSync('setpriv', another).status === 0 ? false : 'needs root, and a checkout that others may read';
  it('makes a key store of another user, as that user', { skip }, (t) => {
    const { folder, file, run } = setup(t, { OWNER: '65532' });
    const { status, stderr } = run();
    assert.deepEqual([status, stderr], [0, '']);
    for (const path of [folder, file]) {
      const { uid, gid } = statSync(path);
      assert.deepEqual([uid, gid], [65_532, 65_532]);
    }
  });
});
