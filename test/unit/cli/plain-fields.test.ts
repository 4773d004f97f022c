import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { UsageError } from '../../../src/cli/failure.ts';
import { mergeFields, parsePlainFields, readFieldOptions } from '../../../src/cli/plain-fields.ts';
import { KeysideError } from '../../../src/core/errors.ts';

const TEXT = { isBase64: false };
const BASE64 = { isBase64: true };

const shown = (fields: ReadonlyMap<string, Uint8Array>): readonly string[] =>
  [...fields].map(([name, value]) => `${name}=${Buffer.from(value).toString('latin1')}`);

describe('fields from JSON', () => {
  it('are UTF-8 texts', () => {
    assert.deepEqual(shown(parsePlainFields(Buffer.from('{"a":"é","__proto__":""}'), TEXT)), ['a=Ã©', '__proto__=']);
  });

  it('are bytes with --base64', () => {
    assert.deepEqual(shown(parsePlainFields(Buffer.from('{"a":"/wA="}'), BASE64)), ['a=\xff\0']);
  });

  const refused = [
    { name: 'numbers', text: '{"age":42}', format: TEXT, want: 'field "age" must be a text in quotes' },
    { name: 'objects', text: '{"name":{"first":"A"}}', format: TEXT, want: 'field "name" must be a text in quotes' },
    { name: 'texts that are not base64 with --base64', text: '{"a":"é"}', format: BASE64, want: 'field "a" is not base64' },
    {
      name: 'names that UTF-8 cannot hold',
      text: '{"\\ud800":"a"}',
      format: TEXT,
      want: 'a field name is not well-formed Unicode',
    },
    { name: 'a list', text: '["a"]', format: TEXT, want: 'the input must be a JSON object' },
  ];
  for (const { name, text, format, want } of refused) {
    it(`are not ${name}`, () => {
      assert.throws(() => parsePlainFields(Buffer.from(text), format), new KeysideError('REQUEST_INVALID', want));
    });
  }
});

describe('fields from options', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-fields-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'photo');
  writeFileSync(file, Uint8Array.of(0xff, 0));

  const accepted = [
    { name: 'a text', option: 'a=b', format: TEXT, want: 'a=b' },
    { name: 'an empty text', option: 'a=', format: TEXT, want: 'a=' },
    { name: 'an empty name', option: '=b', format: TEXT, want: '=b' },
    { name: 'a text with = in it', option: 'a=b=c', format: TEXT, want: 'a=b=c' },
    { name: 'the bytes of a file', option: `a=@${file}`, format: TEXT, want: 'a=\xff\0' },
    { name: 'the bytes of a file, with --base64 too', option: `a=@${file}`, format: BASE64, want: 'a=\xff\0' },
    { name: 'a text that begins with @', option: 'a=@@b', format: TEXT, want: 'a=@b' },
    { name: 'base64', option: 'a=/wA=', format: BASE64, want: 'a=\xff\0' },
  ];
  for (const { name, option, format, want } of accepted) {
    it(`take ${name}`, async () => assert.deepEqual(shown(await readFieldOptions([option], format)), [want]));
  }

  it('are refused without =', () => assert.rejects(readFieldOptions(['a'], TEXT), UsageError));
  it('are refused where a name comes twice', () => assert.rejects(readFieldOptions(['a=1', 'a=2'], TEXT), UsageError));
  it('name a file that cannot be read', () =>
    assert.rejects(
      readFieldOptions([`a=@${folder}/none`], TEXT),
      new KeysideError('REQUEST_INVALID', `${folder}/none cannot be read: no such file`),
    ));

  it('never replace a field of the input', () => {
    const a = new Map([['a', new Uint8Array()]]);
    assert.throws(() => mergeFields(a, a), new KeysideError('REQUEST_INVALID', 'field "a" is in the input and in --field'));
  });
});
