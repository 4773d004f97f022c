import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { pathFieldsOf, resolvePaths } from '../../../src/config/path-fields.ts';

const path = z.string().min(1).meta({ isPath: true });

const schema = z.strictObject({
  file: path,
  name: z.string(),
  optional: path.optional(),
  withDefault: path.default('d'),
  many: z.array(path),
  byName: z.record(z.string(), z.strictObject({ file: path })),
  either: z.union([
    z.strictObject({ kind: z.literal('a'), tokenFile: path.describe('x') }),
    z.strictObject({ kind: z.literal('b') }),
  ]),
  checked: z.strictObject({ file: path }).superRefine(() => undefined),
});

test('finds marked fields through every wrapper', () => {
  assert.deepEqual(
    pathFieldsOf(schema).map((field) => field.join('.')),
    ['file', 'optional', 'withDefault', 'many.*', 'byName.*.file', 'either.tokenFile', 'checked.file'],
  );
});

test('resolves marked fields and leaves everything else as it is', () => {
  const value = {
    file: 'a',
    name: 'b',
    withDefault: '',
    many: ['c', '/d', '../e'],
    byName: { x: { file: 'f' } },
    either: { kind: 'a', tokenFile: './g' },
    checked: { file: 7 },
  };
  assert.deepEqual(resolvePaths<unknown>(value, pathFieldsOf(schema), '/etc/k'), {
    file: '/etc/k/a',
    name: 'b',
    withDefault: '',
    many: ['/etc/k/c', '/d', '/etc/e'],
    byName: { x: { file: '/etc/k/f' } },
    either: { kind: 'a', tokenFile: '/etc/k/g' },
    checked: { file: 7 },
  });
  assert.equal(value.file, 'a');
});
