import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { run } from './fake-terminal.ts';

describe('local-kms', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyside-local-kms-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const localKms = (...args: readonly string[]) => run(['local-kms', ...args, '--dir', folder]);

  it('creates a key in a file for its owner alone, and says what kind of key it is', async () => {
    const { exitCode, stdout } = await localKms('create', 'acme');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^created acme: enabled, version 1 of \S+Z, .*\/acme\.json\n {2}software key for development/);
    assert.equal(statSync(join(folder, 'acme.json')).mode & 0o777, 0o600);
  });

  it('never replaces a key', async () => {
    await localKms('create', 'acme');
    const before = readFileSync(join(folder, 'acme.json'));
    const { exitCode, stderr } = await localKms('create', 'acme');
    assert.equal(exitCode, 1);
    assert.match(stderr, /^KEY_MISCONFIGURED: .* exists already; nothing was changed\n$/);
    assert.deepEqual(readFileSync(join(folder, 'acme.json')), before);
  });

  it('rotates, disables and enables', async () => {
    await localKms('create', 'acme');
    for (const [verb, want] of [
      ['rotate', /^rotated acme: enabled, version 2 /],
      ['disable', /^disabled acme: disabled, version 2 /],
      ['enable', /^enabled acme: enabled, version 2 /],
    ] as const) {
      const { exitCode, stdout } = await localKms(verb, 'acme');
      assert.equal(exitCode, 0);
      assert.match(stdout, want);
    }
  });

  it('prints JSON without any key bytes', async () => {
    await localKms('create', 'acme', '--json');
    const { stdout } = await localKms('rotate', 'acme', '--json');
    const key = JSON.parse(stdout);
    assert.deepEqual(Object.keys(key), ['file', 'id', 'state', 'versions']);
    assert.deepEqual(Object.keys(key.versions[1]), ['version', 'createdAt']);
  });

  it('lists all keys or one, and fails where a file is none', async () => {
    await localKms('create', 'acme');
    await localKms('create', 'globex');
    const all = await localKms('list');
    assert.match(all.stdout, /^acme: enabled, .*\nglobex: enabled, .*\n$/);
    assert.equal((await localKms('list', 'globex')).stdout.split('\n').length, 2);
    writeFileSync(join(folder, 'broken.json'), '{}', { mode: 0o600 });
    const { exitCode, stdout, stderr } = await localKms('list');
    assert.deepEqual([exitCode, stderr], [1, '']);
    assert.match(stdout, /\nunusable: local key store .*broken\.json is not a key store/);
  });

  it('says which key there is not', async () => {
    const { exitCode, stderr } = await localKms('rotate', 'none');
    assert.deepEqual([exitCode, stderr], [1, `KEY_NOT_FOUND: local key store ${folder}/none.json does not exist\n`]);
  });

  it('looks below the state directory by default', async () => {
    const { stdout } = await run(['local-kms', 'create', 'acme'], { environment: { KEYSIDE_STATE_DIR: folder } });
    assert.match(stdout, new RegExp(`${folder}/keys/acme\\.json`));
  });

  for (const name of ['..', '.hidden', 'a/b', 'a\\b', '', ':x', 'x'.repeat(129)]) {
    it(`takes no key called ${JSON.stringify(name.slice(0, 10))}`, async () => {
      assert.equal((await localKms('create', name)).exitCode, 2);
    });
  }
});
