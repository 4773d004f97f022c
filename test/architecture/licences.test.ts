import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAllowed, judgeLicences } from '../../tools/licences.ts';

const expressions: readonly { readonly input: string; readonly want: boolean }[] = [
  { input: 'MIT', want: true },
  { input: 'GPL-3.0-only', want: false },
  { input: 'MIT OR GPL-3.0-only', want: true },
  { input: '(GPL-3.0-only OR Apache-2.0)', want: true },
  { input: 'MIT AND GPL-3.0-only', want: false },
  { input: '(Apache-2.0 AND BSD-3-Clause)', want: true },
  { input: '(MIT OR GPL-3.0-only) AND ISC', want: true },
  { input: 'GPL-3.0-only AND MIT OR ISC', want: true },
  { input: 'GPL-3.0-only AND (MIT OR ISC)', want: false },
  { input: 'Apache-2.0 WITH LLVM-exception', want: false },
  { input: 'SEE LICENSE IN LICENSE.txt', want: false },
  { input: 'UNLICENSED', want: false },
  { input: '(MIT', want: false },
  { input: 'MIT OR', want: false },
  { input: '', want: false },
];

describe('a licence expression', () => {
  for (const { input, want } of expressions) {
    it(`"${input}" is ${want ? 'allowed' : 'refused'}`, () => assert.equal(isAllowed(input), want));
  }
});

describe('the licences of a lock file', () => {
  const none = (): undefined => undefined;

  it('name the package and the licence that is refused', () => {
    const packages = {
      '': { license: 'Apache-2.0' },
      'node_modules/good': { version: '1.0.0', license: 'MIT' },
      'node_modules/good/node_modules/@bad/one': { version: '2.0.0', license: 'AGPL-3.0-only' },
    };
    assert.deepEqual(judgeLicences(packages, none), { seen: 2, refused: ['@bad/one@2.0.0: AGPL-3.0-only'] });
  });

  it('come from the installed package where the lock has none', () => {
    const packages = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } };
    const installed = (place: string): string | undefined => (place === 'node_modules/a' ? 'ISC' : undefined);
    assert.deepEqual(judgeLicences(packages, installed).refused, ['b@1.0.0: states no licence']);
  });

  it('come for another platform from the package it is a part of', () => {
    const packages = {
      'node_modules/tool': { version: '1.0.0', license: 'MIT', optionalDependencies: { 'tool-plan9': '1.0.0' } },
      'node_modules/tool-plan9': { version: '1.0.0', optional: true },
      'node_modules/stray-plan9': { version: '1.0.0', optional: true },
    };
    assert.deepEqual(judgeLicences(packages, none).refused, ['stray-plan9@1.0.0: states no licence']);
  });

  it('may be a little wider for tools that are not shipped', () => {
    const entry = { version: '1.0.0', license: 'Python-2.0' };
    const packages = { 'node_modules/tool': { ...entry, dev: true }, 'node_modules/shipped': entry };
    assert.deepEqual(judgeLicences(packages, none).refused, ['shipped@1.0.0: Python-2.0']);
  });
});
