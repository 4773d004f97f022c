import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { FILE_ERRORS, fileError } from '../../../../src/kms/local/errors.ts';
import { createKey, disableKey, enableKey, listKeys, readKey, rotateKey, summariseKey } from '../../../../src/kms/local/store.ts';
import { rejects } from '../../../contract/kms-calls.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const LATER = new Date('2026-02-02T03:04:05.678Z');

describe('a local key store', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-store-'));
    file = join(folder, 'acme.json');
    await createKey(file, { id: 'acme', now: NOW });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const json = async () => JSON.parse(await readFile(file, 'utf8'));

  it('is one JSON file of mode 0600 that says what it is', async () => {
    const store = await json();
    assert.deepEqual(Object.keys(store), ['format', 'warning', 'id', 'state', 'versions']);
    assert.equal(store.format, 'keyside local key store v1');
    assert.match(store.warning, /^software key, for development/);
    assert.equal(store.versions[0].createdAt, NOW.toISOString());
    assert.equal(Buffer.from(store.versions[0].key, 'base64').length, 32);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('keeps what was there when it is rotated, disabled and enabled', async () => {
    const first = (await json()).versions[0].key;
    const rotated = await rotateKey(file, { now: LATER });
    assert.deepEqual(rotated.versions, [
      { version: 1, createdAt: NOW.toISOString() },
      { version: 2, createdAt: LATER.toISOString() },
    ]);
    assert.equal((await disableKey(file)).state, 'disabled');
    assert.equal((await enableKey(file)).state, 'enabled');
    const { versions, id } = await json();
    assert.deepEqual([id, versions.length, versions[0].key], ['acme', 2, first]);
    assert.notEqual(versions[1].key, first);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await assert.rejects(stat(`${file}.lock`));
  });

  it('is not overwritten by another create', async () => {
    const before = await json();
    const error = await rejects(createKey(file, { id: 'other', now: NOW }), 'KEY_MISCONFIGURED');
    assert.match(error.message, /exists already/);
    assert.deepEqual(await json(), before);
  });

  it('is not changed while another command holds its lock, and the error names the lock file', async () => {
    await writeFile(`${file}.lock`, '');
    const before = await json();
    for (const change of [() => rotateKey(file, { now: NOW }), () => disableKey(file)]) {
      const error = await rejects(change(), 'KEY_MISCONFIGURED');
      assert.ok(error.message.includes(`remove ${file}.lock`));
    }
    assert.deepEqual(await json(), before);
    (await readKey(file))[Symbol.dispose]();
  });

  it('loses no version where many commands rotate it at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => rotateKey(file, { now: NOW })));
    const succeeded = outcomes.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(succeeded >= 1);
    assert.equal((await summariseKey(file)).versions.length, 1 + succeeded);
  });

  it('leaves no lock behind where there is no key to change', async () => {
    await rejects(rotateKey(join(folder, 'nowhere.json'), { now: NOW }), 'KEY_NOT_FOUND');
    assert.deepEqual(
      (await listKeys(folder)).map(({ file: name }) => name),
      [file],
    );
  });

  it('lists the keys of its folder, and says what is wrong with the others', async () => {
    await writeFile(join(folder, 'broken.json'), '{', { mode: 0o600 });
    await writeFile(join(folder, 'notes.txt'), '');
    const [acme, broken, ...rest] = await listKeys(folder);
    assert.deepEqual(acme, { file, id: 'acme', state: 'enabled', versions: [{ version: 1, createdAt: NOW.toISOString() }] });
    assert.ok(broken !== undefined && 'problem' in broken && broken.problem.includes('is not JSON'));
    assert.deepEqual(rest, []);
  });

  it('makes its folder for its owner alone', async () => {
    const deep = join(folder, 'a', 'b', 'key.json');
    await createKey(deep, { id: 'deep', now: NOW });
    assert.equal((await stat(join(folder, 'a'))).mode & 0o777, 0o700);
  });

  it('refuses an id of another form', async () => {
    await rejects(createKey(join(folder, 'x.json'), { id: 'a b', now: NOW }), 'REQUEST_INVALID');
  });

  it('prints no key, and wipes what it read', async () => {
    const key = await readKey(file);
    const secret = (await json()).versions[0].key;
    assert.ok(!JSON.stringify(key).includes(secret));
    key[Symbol.dispose]();
    assert.ok(key.versions.every((version) => version.key.isWiped));
  });

  const unsafe: readonly { readonly name: string; readonly harm: () => Promise<unknown>; readonly says: RegExp }[] = [
    { name: 'that the group may read', harm: () => chmod(file, 0o640), says: /mode 0640.*chmod 600/ },
    { name: 'that others may read', harm: () => chmod(file, 0o604), says: /mode 0604.*chmod 600/ },
    { name: 'that the group may write', harm: () => chmod(file, 0o620), says: /mode 0620.*chmod 600/ },
    { name: 'that is a folder', harm: () => rm(file).then(() => mkdir(file, { mode: 0o700 })), says: /not a regular file/ },
    {
      name: 'that is a link',
      harm: async () => {
        await writeFile(join(folder, 'real'), await readFile(file), { mode: 0o600 });
        await rm(file);
        await symlink(join(folder, 'real'), file);
      },
      says: /symbolic link/,
    },
    { name: 'that is no JSON', harm: () => writeFile(file, 'key: AAAA'), says: /is not JSON$/ },
    { name: 'that is empty', harm: () => writeFile(file, ''), says: /is not JSON$/ },
    { name: 'of 2 MiB', harm: () => writeFile(file, Buffer.alloc(2 ** 21)), says: /at most 1048576 are allowed/ },
  ];
  for (const { name, harm, says } of unsafe) {
    it(`refuses a file ${name}`, async () => {
      await harm();
      const error = await rejects(readKey(file), 'KEY_MISCONFIGURED');
      assert.match(error.message, says);
    });
  }

  it('refuses a file of another user', { skip: process.getuid?.() === 0 ? false : 'only root can give files away' }, async () => {
    await chown(file, 12_345, 0);
    const error = await rejects(readKey(file), 'KEY_MISCONFIGURED');
    assert.match(error.message, /belongs to user 12345.*chown/);
  });

  const edits: readonly {
    readonly name: string;
    readonly edit: (store: Record<string, unknown>) => unknown;
    readonly at: string;
  }[] = [
    { name: 'another format', edit: (store) => ({ ...store, format: 'v2' }), at: 'format' },
    { name: 'an unknown state', edit: (store) => ({ ...store, state: 'paused' }), at: 'state' },
    { name: 'an unknown field', edit: (store) => ({ ...store, extra: 1 }), at: 'the whole' },
    { name: 'no versions', edit: (store) => ({ ...store, versions: [] }), at: 'versions' },
    { name: 'a list', edit: (store) => [store], at: 'the whole' },
    { name: 'a gap in its versions', edit: (store) => version(store, { version: 2 }), at: 'versions' },
    {
      name: 'a key of 31 bytes',
      edit: (store) => version(store, { key: Buffer.alloc(31, 0xaa).toString('base64') }),
      at: 'versions.0.key',
    },
    {
      name: 'a key of 33 bytes',
      edit: (store) => version(store, { key: Buffer.alloc(33, 0xaa).toString('base64') }),
      at: 'versions.0.key',
    },
  ];
  for (const { name, edit, at } of edits) {
    it(`refuses ${name}, and quotes nothing of it`, async () => {
      await writeFile(file, JSON.stringify(edit(await json())));
      const error = await rejects(readKey(file), 'KEY_MISCONFIGURED');
      assert.ok(error.message.endsWith(`see ${at}`), error.message);
      assert.equal(error.cause, undefined);
    });
  }
});

describe('what the file system says', () => {
  for (const [code, { reason, sample }] of Object.entries(FILE_ERRORS)) {
    it(`${code} is ${reason}`, () => {
      const error = fileError(Object.assign(new Error(sample), { code }), '/keys/acme.json');
      assert.equal(error.reason, reason);
      assert.ok(error.message.startsWith('local key store /keys/acme.json '));
    });
  }

  const others: readonly { readonly code: string; readonly reason: ErrorReason }[] = [
    { code: 'EIO', reason: 'KMS_UNAVAILABLE' },
    { code: 'EMFILE', reason: 'KMS_UNAVAILABLE' },
    { code: 'ESTALE', reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { code, reason } of others) {
    it(`${code} passes by itself: ${reason}`, () => {
      assert.equal(fileError(Object.assign(new Error(code), { code }), 'f').reason, reason);
    });
  }
});

function version(store: Record<string, unknown>, change: object): unknown {
  const [first] = store.versions as object[];
  return { ...store, versions: [{ ...first, ...change }] };
}
