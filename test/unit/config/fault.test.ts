import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, fileFault, renderFaults, renderPath } from '../../../src/config/fault.ts';

const at = (file: string, line: number, column: number) => ({ file, line, column, path: 'a', message: 'is missing' });

test('faults are rendered one a line, in the order of file, line and column', () => {
  const faults = [
    at('b.yaml', 1, 1),
    at('a.yaml', 10, 2),
    at('a.yaml', 9, 1),
    at('a.yaml', 10, 1),
    fileFault('a.yaml', 'is empty'),
  ];
  assert.equal(
    renderFaults(faults),
    [
      'a.yaml: is empty',
      'a.yaml:9:1: a: is missing',
      'a.yaml:10:1: a: is missing',
      'a.yaml:10:2: a: is missing',
      'b.yaml:1:1: a: is missing',
    ].join('\n'),
  );
});

test('a ConfigurationError says all its faults', () => {
  const faults = [at('a.yaml', 1, 1), at('a.yaml', 2, 1)];
  const error = new ConfigurationError(faults);
  assert.equal(error.message, renderFaults(faults));
  assert.deepEqual(error.faults, faults);
});

const PATHS = [
  { path: [], text: '' },
  { path: ['tenants', 'acme', 'keys', 0, 'id'], text: 'tenants.acme.keys[0].id' },
  { path: ['tenants', 'a.b', 'keys'], text: 'tenants["a.b"].keys' },
  { path: ['tenants', 'a"\n'], text: 'tenants["a\\"\\n"]' },
  { path: ['007'], text: '007' },
];

for (const { path, text } of PATHS) {
  test(`the path ${JSON.stringify(path)} reads ${text}`, () => assert.equal(renderPath(path), text));
}
