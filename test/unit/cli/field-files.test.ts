import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkFileNames, writeFieldFiles } from '../../../src/cli/field-files.ts';
import { KeysideError } from '../../../src/core/errors.ts';

describe('the name of a field as the name of a file', () => {
  for (const name of ['ssn', 'Straße', '日本', 'a b', '.hidden', '...', 'a..b', '__proto__', 'x'.repeat(255)]) {
    it(`may be ${JSON.stringify(name.slice(0, 20))}`, () => assert.doesNotThrow(() => checkFileNames([name])));
  }

  for (const name of [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '/etc/passwd',
    'a\\b',
    'a\0b',
    'a\nb',
    '\u001b[2J',
    'gpj\u202etxt',
    'x'.repeat(256),
    'é'.repeat(128),
  ]) {
    it(`may not be ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.throws(
        () => checkFileNames(['ok', name]),
        (error) => error instanceof KeysideError && error.reason === 'REQUEST_INVALID',
      );
    });
  }
});

describe('writing fields into files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyside-out-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const fields = new Map([
    ['a', Buffer.from('new')],
    ['b', Uint8Array.of(0xff)],
  ]);
  const write = async (directory: string, isForced = false): Promise<string[]> => {
    const lines: string[] = [];
    for await (const line of writeFieldFiles(fields, { directory, isForced })) lines.push(line);
    return lines;
  };

  it('makes the folder for its owner alone, and the files too', async () => {
    const directory = join(folder, 'deep', 'er');
    assert.deepEqual(await write(directory), [`${directory}/a: 3 bytes`, `${directory}/b: 1 bytes`]);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, 'b')).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(directory, 'a'), 'utf8'), 'new');
  });

  it('writes nothing where one of the files is there already', async () => {
    writeFileSync(join(folder, 'b'), 'old');
    await assert.rejects(write(folder), new KeysideError('REQUEST_INVALID', `${folder}/b exists already: --force replaces it`));
    assert.deepEqual(readdirSync(folder), ['b']);
    assert.equal(readFileSync(join(folder, 'b'), 'utf8'), 'old');
  });

  it('takes a link that leads nowhere for a file', async () => {
    symlinkSync('/nowhere/else', join(folder, 'a'));
    await assert.rejects(write(folder), /exists already/);
  });

  it('replaces files when forced, with a mode of its own and without following links', async () => {
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'old');
    symlinkSync(elsewhere, join(folder, 'a'));
    writeFileSync(join(folder, 'b'), 'old');
    chmodSync(join(folder, 'b'), 0o644);
    await write(folder, true);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'old');
    assert.equal(lstatSync(join(folder, 'a')).isSymbolicLink(), false);
    assert.equal(statSync(join(folder, 'b')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'b', 'elsewhere']);
  });

  it('says in words what cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(write(join(folder, 'file', 'x')), /file\/x cannot be written: ENOTDIR/);
  });
});
