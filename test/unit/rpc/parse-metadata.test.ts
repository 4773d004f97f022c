import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestMetadata } from '../../../src/gen/keyside/v1/metadata.ts';
import { parseMetadata } from '../../../src/rpc/parse-metadata.ts';
import { refused } from '../../fakes/refused.ts';

const EMPTY: RequestMetadata = {
  requesterId: '',
  dataLabel: '',
  requestId: '',
  sourceIp: '',
  objectId: '',
  purpose: '',
  subjectId: '',
  attributes: new Map(),
};

/** 1,024 bytes, of two each. */
const LONGEST = 'é'.repeat(512);

const FIELDS = [
  ['requesterId', 'requester_id'],
  ['dataLabel', 'data_label'],
  ['requestId', 'request_id'],
  ['sourceIp', 'source_ip'],
  ['objectId', 'object_id'],
  ['purpose', 'purpose'],
  ['subjectId', 'subject_id'],
] as const;

describe('the metadata of a request', () => {
  it('may be left out: then all of it is empty', () => {
    assert.deepEqual(parseMetadata(undefined), EMPTY);
  });

  for (const [field, name] of FIELDS) {
    it(`takes 1,024 bytes of ${name} and refuses one more, naming it`, async () => {
      assert.equal(parseMetadata({ ...EMPTY, [field]: LONGEST })[field], LONGEST);
      const error = await refused(() => parseMetadata({ ...EMPTY, [field]: `${LONGEST}x` }), 'REQUEST_INVALID');
      assert.match(error.message, new RegExp(`^metadata\\.${name} exceeds 1024 bytes`));
      assert.deepEqual(error.details, { limitBytes: 1024 });
    });
  }

  it('takes 32 attributes, keys of 128 and values of 1,024 bytes', async () => {
    const keys = Array.from({ length: 32 }, (_, at) => `${at}`.padEnd(128, 'x'));
    parseMetadata({ ...EMPTY, attributes: new Map(keys.map((key) => [key, 'x'.repeat(128)])) });
    parseMetadata({ ...EMPTY, attributes: new Map([['key', LONGEST]]) });
    const refuse = (attributes: Map<string, string>, message: RegExp) =>
      refused(() => parseMetadata({ ...EMPTY, attributes }), 'REQUEST_INVALID', message);
    await refuse(new Map([...keys, 'one more'].map((key) => [key, ''])), /more than 32/);
    await refuse(new Map([['é'.repeat(65), '']]), /a key of metadata\.attributes exceeds 128/);
    await refuse(new Map([['key', `${LONGEST}x`]]), /a value of metadata\.attributes exceeds 1024/);
    const full = keys.map((key): [string, string] => [key, 'x'.repeat(128)]);
    await refuse(new Map([...full.slice(1), [keys[0] as string, 'x'.repeat(129)]]), /attributes exceed 8192 bytes together/);
  });

  for (const control of ['\u0000', '\n', '\u001f', '\u007f', '\u0085']) {
    it(`has no control character ${JSON.stringify(control)}`, async () => {
      for (const [field, name] of FIELDS) {
        const error = await refused(() => parseMetadata({ ...EMPTY, [field]: `a${control}` }), 'REQUEST_INVALID');
        assert.deepEqual(error.details, { field: `metadata.${name}` });
      }
      for (const entry of [
        [control, 'a'],
        ['a', control],
      ] as const) {
        const error = await refused(() => parseMetadata({ ...EMPTY, attributes: new Map([entry]) }), 'REQUEST_INVALID');
        assert.deepEqual(error.details, { field: 'metadata.attributes' });
      }
    });
  }
});
