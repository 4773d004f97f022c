import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CallerUnauthenticatedError } from '../src/index.ts';
import { TokenFile } from '../src/token-file.ts';

describe('a token file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-token-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');

  const write = (text: string, secondsAgo: number): void => {
    writeFileSync(file, text);
    const time = Date.now() / 1000 - secondsAgo;
    utimesSync(file, time, time);
  };

  it('is read again when it changed, and not before', () => {
    const tokens = new TokenFile(file);
    write('first-token\n', 10);
    assert.equal(tokens.authorization(), 'Bearer first-token');
    assert.equal(tokens.authorization(), 'Bearer first-token');
    write('other-token\n', 5);
    assert.equal(tokens.authorization(), 'Bearer other-token');
  });

  for (const { name, content } of [
    { name: 'is empty', content: '\n' },
    { name: 'has two lines', content: 'one\ntwo' },
    { name: 'holds what a header cannot', content: 'tokén' },
  ]) {
    it(`that ${name} is refused without showing it`, () => {
      write(content, 0);
      assert.throws(
        () => new TokenFile(file).authorization(),
        (error) => {
          assert.ok(error instanceof CallerUnauthenticatedError);
          assert.deepEqual([error.reason, error.code], ['CALLER_UNAUTHENTICATED', 'UNAUTHENTICATED']);
          assert.match(error.message, /holds no token: one line of printable ASCII$/);
          return true;
        },
      );
    });
  }

  it('that is missing is named', () => {
    assert.throws(() => new TokenFile('/none/token').authorization(), {
      message: 'CALLER_UNAUTHENTICATED: the token file /none/token cannot be read: no such file',
    });
  });
});
