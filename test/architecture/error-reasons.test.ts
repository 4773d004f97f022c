import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ErrorReason, REASONS, reasonEntry } from '../../src/core/errors.ts';

interface PublishedReason {
  readonly name: string;
  readonly code: string;
  readonly example: string;
}

/** The values of `enum ErrorReason` with what their comments say, in the order of the proto. */
function publishedReasons(): PublishedReason[] {
  const proto = readFileSync('proto/keyside/v1/error.proto', 'utf8');
  const values = proto.matchAll(/((?: *\/\/.*\n)+) *ERROR_REASON_(\w+) = [1-9]\d*;/g);
  return [...values].map(([, comment = '', name = '']) => ({
    name,
    code: /^ *\/\/ ([A-Z_]+)[.,]/.exec(comment)?.[1] ?? '',
    example: /Example: `([^`]*)`/.exec(comment)?.[1] ?? '',
  }));
}

describe('the table of reasons and the ErrorReason of the proto', () => {
  const published = publishedReasons();

  it('name the same reasons in the same order', () => {
    assert.ok(published.length >= 20, `only ${published.length} reasons were read from the proto`);
    assert.deepEqual(
      published.map(({ name }) => name),
      Object.keys(REASONS),
    );
  });

  for (const { name, code, example } of published) {
    it(`agree on ${name}`, () => {
      assert.equal(code, reasonEntry(name as ErrorReason).code);
      assert.match(example, new RegExp(`^${name}: [a-z0-9]`), 'the example begins with the reason');
    });
  }
});
