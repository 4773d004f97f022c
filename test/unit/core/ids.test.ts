import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { assertRefused } from './refusal.ts';

const parsers = [
  { name: 'parseTenantId', parse: parseTenantId, field: 'tenant_id' },
  { name: 'parseKeyConfigurationId', parse: parseKeyConfigurationId, field: 'key_id' },
];

for (const { name, parse, field } of parsers) {
  describe(name, () => {
    const valid = ['a', '0', '-', 'Az09._:@-', 'x'.repeat(128), '..', '__proto__', 'constructor'];
    for (const input of valid) it(`takes ${input.slice(0, 20)}`, () => assert.equal(parse(input), input));

    it('refuses an empty id as missing and names the field', () => {
      const error = assertRefused(() => parse(''), 'REQUEST_INVALID', new RegExp(`^${field} is missing$`));
      assert.deepEqual(error.details, { field });
    });

    const invalid = [
      { name: '129 characters', input: 'x'.repeat(129) },
      { name: 'a space', input: 'a b' },
      { name: 'a space at the end', input: 'a ' },
      { name: 'a line feed at the end', input: 'a\n' },
      { name: 'a carriage return', input: 'a\r' },
      { name: 'NUL', input: 'a\0' },
      { name: 'a slash', input: '../a' },
      { name: 'a percent sign', input: 'a%2f' },
      { name: 'a letter outside ASCII', input: '\u00e1cme' },
      { name: 'a Cyrillic look-alike', input: '\u0430cme' },
      { name: 'the Kelvin sign', input: '\u212a' },
      { name: 'a lone surrogate', input: '\ud800' },
    ];
    for (const { name, input } of invalid) {
      it(`refuses ${name}, names the field and does not repeat the value`, () => {
        const message = /^field is not 1 to 128 characters of \[A-Za-z0-9\._:@-\]$/;
        const error = assertRefused(() => parse(input, 'field'), 'REQUEST_INVALID', message);
        assert.deepEqual(error.details, { field: 'field' });
      });
    }
  });
}
