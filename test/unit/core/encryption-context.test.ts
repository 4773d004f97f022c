import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeContext, encodeWrapContext } from '../../../src/core/encryption-context.ts';
import type { ErrorDetails } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { assertRefused } from './refusal.ts';

const tenantId = parseTenantId('acme');

function pairs(count: number): Map<string, string> {
  return new Map(Array.from({ length: count }, (_, at) => [`key-${at}`, 'value']));
}

describe('encodeContext', () => {
  const allowed: readonly { name: string; dataLabel?: string; pairs?: Map<string, string> }[] = [
    { name: '64 pairs', pairs: pairs(64) },
    { name: '8,192 bytes of keys and values together', pairs: new Map([['k'.repeat(4_096), 'v'.repeat(4_096)]]) },
    { name: '8,192 bytes counted in UTF-8', pairs: new Map([['', '\u{1f511}'.repeat(2_048)]]) },
    { name: 'a label of 1,024 bytes', dataLabel: 'l'.repeat(1_024) },
    { name: 'an empty label and no pairs', dataLabel: '' },
  ];
  for (const { name, dataLabel = 'label', pairs = new Map() } of allowed) {
    it(`takes ${name}`, () => assert.doesNotThrow(() => encodeContext({ tenantId, dataLabel, pairs })));
  }

  const refused: readonly {
    name: string;
    dataLabel?: string;
    pairs?: Map<string, string>;
    message: RegExp;
    details?: ErrorDetails;
  }[] = [
    { name: '65 pairs', pairs: pairs(65), message: /^context has 65 pairs, at most 64 are allowed$/ },
    {
      name: '8,193 bytes over several pairs',
      pairs: new Map([
        ['a', 'v'.repeat(4_095)],
        ['b', 'v'.repeat(4_096)],
      ]),
      message: /^context holds more than 8192 bytes$/,
      details: { limitBytes: 8_192 },
    },
    {
      name: '8,193 bytes in one pair, neither of them too long alone',
      pairs: new Map([['k', 'v'.repeat(8_192)]]),
      message: /^context holds more than 8192 bytes$/,
      details: { limitBytes: 8_192 },
    },
    {
      name: 'a value of 8,193 bytes',
      pairs: new Map([['', 'v'.repeat(8_193)]]),
      message: /^a value of context exceeds 8192 bytes$/,
      details: { limitBytes: 8_192 },
    },
    {
      name: 'a key of 70,000 bytes',
      pairs: new Map([['k'.repeat(70_000), '']]),
      message: /^a key of context exceeds 8192 bytes$/,
      details: { limitBytes: 8_192 },
    },
    {
      name: 'a label of 1,025 bytes in fewer characters',
      dataLabel: `${'\u00e9'.repeat(512)}l`,
      message: /^data_label exceeds 1024 bytes$/,
      details: { limitBytes: 1_024 },
    },
    { name: 'a lone surrogate in a key', pairs: new Map([['k\ud800', '']]), message: /^a key of context is not valid UTF-8$/ },
    {
      name: 'a lone surrogate in a value',
      pairs: new Map([['k', '\udc00']]),
      message: /^a value of context is not valid UTF-8$/,
    },
    { name: 'a lone surrogate in the label', dataLabel: '\ud83d', message: /^data_label is not valid UTF-8$/ },
  ];
  for (const { name, dataLabel = 'label', pairs = new Map(), message, details = {} } of refused) {
    it(`refuses ${name} and says what is too long, in words without the caller's values`, () => {
      const error = assertRefused(() => encodeContext({ tenantId, dataLabel, pairs }), 'REQUEST_INVALID', message);
      assert.deepEqual(error.details, details);
    });
  }

  it('leaves the map it is given as it was', () => {
    const given = new Map([
      ['b', '2'],
      ['a', '1'],
    ]);
    encodeContext({ tenantId, dataLabel: '', pairs: given });
    assert.deepEqual([...given.keys()], ['b', 'a']);
  });
});

describe('encodeWrapContext', () => {
  it('refuses a share number that would wrap around to another', () => {
    const configurationId = parseKeyConfigurationId('acme-primary');
    for (const [share, shareCount] of [
      [257, 2],
      [1, 258],
      [-1, 2],
    ] as const) {
      assert.throws(() => encodeWrapContext({ tenantId, configurationId, share, shareCount }), RangeError);
    }
  });
});
