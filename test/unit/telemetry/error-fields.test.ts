import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { errorFields } from '../../../src/telemetry/error-fields.ts';

/** Without the fields that are undefined, as a log line has them. */
function logged(error: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(errorFields(error)));
}

test('a known error gives its reason, message and cause', () => {
  const cause = Object.assign(new TypeError('socket hang up'), { code: 'ECONNRESET' });
  assert.deepEqual(logged(new KeysideError('KMS_UNAVAILABLE', 'key k: no answer', { cause })), {
    reason: 'KMS_UNAVAILABLE',
    error: 'key k: no answer',
    cause: 'socket hang up',
    causeName: 'TypeError',
    causeCode: 'ECONNRESET',
  });
});

test('an unknown error has the reason INTERNAL', () => {
  assert.deepEqual(logged(Object.assign(new Error('no such file'), { code: 'ENOENT' })), {
    reason: 'INTERNAL',
    error: 'no such file',
    errorCode: 'ENOENT',
  });
});

test('a longer chain gives its innermost error too', () => {
  const root = new RangeError('too long');
  const fields = logged(new KeysideError('KMS_TIMEOUT', 'outer', { cause: new Error('middle', { cause: root }) }));
  assert.equal(fields.cause, 'middle');
  assert.equal(fields.rootCause, 'RangeError: too long');
});

test('an error without a message is called by its name, and of several causes the first counts', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  const fields = logged(new AggregateError([refused, new Error('second')]));
  assert.equal(fields.error, 'AggregateError');
  assert.equal(fields.cause, refused.message);
  assert.equal(fields.causeCode, 'ECONNREFUSED');
});

test('only the first line is given, at most 300 characters', () => {
  assert.equal(logged(new Error('first\nsecond')).error, 'first');
  assert.equal(logged(new Error('x'.repeat(1000))).error, `${'x'.repeat(299)}…`);
});

test('the stack is not given', () => {
  assert.ok(!JSON.stringify(errorFields(new Error('x'))).includes('error-fields.test'));
});

const oddities: { name: string; error: unknown; want: string }[] = [
  { name: 'a string', error: 'plain', want: 'plain' },
  { name: 'undefined', error: undefined, want: 'undefined' },
  { name: 'null', error: null, want: 'object' },
  { name: 'a number', error: 42, want: 'number' },
  { name: 'an object with a message', error: { message: 'said' }, want: 'said' },
  {
    name: 'an object whose getters throw',
    error: Object.defineProperty({}, 'message', { get: () => assert.fail() }),
    want: 'object',
  },
];

for (const { name, error, want } of oddities) {
  test(`${name} that was thrown gives ${want}`, () => assert.equal(errorFields(error).error, want));
}

test('causes in a circle end', () => {
  const first = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;
  assert.equal(logged(first).cause, 'second');
});
