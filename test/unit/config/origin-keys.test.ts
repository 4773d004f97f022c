import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readOriginKeys } from '../../../src/config/origin-keys.ts';

describe('the origin keys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-origin-'));
  after(() => rmSync(folder, { recursive: true }));

  const file = (text: string, mode = 0o600): string => {
    const path = join(folder, `key-${randomBytes(4).toString('hex')}`);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  it('are read in the order of the files, the first one marking', () => {
    const keys = [randomBytes(32), randomBytes(48)];
    const read = readOriginKeys(keys.map((key) => file(`${key.toString('base64')}\n`)));
    assert.deepEqual(
      read.map((key) => Buffer.from(key.expose())),
      keys,
    );
  });

  const isRoot = process.getuid?.() === 0;
  const OTHER_USER = 65_532;
  const foreign = (mode: number): string => {
    const path = file(randomBytes(32).toString('base64'), mode);
    chownSync(path, OTHER_USER, OTHER_USER);
    return path;
  };

  it('are read through a link, of another user for the group, as Kubernetes mounts a Secret', {
    skip: isRoot ? false : 'only root can give files away',
  }, () => {
    const link = join(folder, 'link');
    symlinkSync(foreign(0o440), link);
    assert.equal(readOriginKeys([link]).length, 1);
    for (const mode of [0o444, 0o460]) assert.throws(() => readOriginKeys([foreign(mode)]), /can be read by others/);
  });

  const cases = [
    {
      name: 'that others can read',
      path: () => file(randomBytes(32).toString('base64'), 0o640),
      says: /can be read by others: chmod 600/,
    },
    { name: 'that is too short', path: () => file(randomBytes(31).toString('base64')), says: /not base64 of 32 to 128 bytes/ },
    {
      name: 'that is not base64',
      path: () => file('my secret, in words, long enough to be taken for a key'),
      says: /not base64/,
    },
    { name: 'that is missing', path: () => join(folder, 'nowhere'), says: /ENOENT/ },
  ];
  for (const { name, path, says } of cases) {
    it(`refuse a file ${name}, and repeat nothing of it`, () => {
      assert.throws(
        () => readOriginKeys([path()]),
        (error: Error) => {
          assert.match(error.message, says);
          assert.doesNotMatch(error.message, /my secret/);
          return true;
        },
      );
    });
  }
});
