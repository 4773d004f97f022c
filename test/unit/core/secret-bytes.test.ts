import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';

const TEXT = 'PLEASE-NEVER-SHOW-THESE-32-BYTES';
const HEX = Buffer.from(TEXT).toString('hex');
const secret = (): SecretBytes => SecretBytes.copyOf(Buffer.from(TEXT));

describe('SecretBytes', () => {
  const shows: readonly { name: string; show: (key: SecretBytes) => string; want: string }[] = [
    { name: 'a template', show: (key) => `${key}`, want: '[redacted]' },
    { name: 'String', show: String, want: '[redacted]' },
    { name: 'joining with text', show: (key) => ['key', key].join(' '), want: 'key [redacted]' },
    { name: 'JSON', show: (key) => JSON.stringify({ key }), want: '{"key":"[redacted]"}' },
    { name: 'inspect', show: (key) => inspect(key), want: '[redacted]' },
    { name: 'inspect of an object that holds it', show: (key) => inspect({ key }), want: '{ key: [redacted] }' },
    { name: 'inspect with hidden properties', show: (key) => inspect(key, { showHidden: true }), want: '[redacted]' },
    { name: 'the %s of a format', show: (key) => format('%s', key), want: '[redacted]' },
    { name: 'the %j of a format', show: (key) => format('%j', key), want: '"[redacted]"' },
    { name: 'the %o of a format', show: (key) => format('%o', key), want: '[redacted]' },
    { name: 'the %O of a format', show: (key) => format('%O', [key]), want: '[ [redacted] ]' },
  ];
  for (const { name, show, want } of shows) {
    it(`prints as [redacted] in ${name}, also when wiped`, () => {
      const key = secret();
      assert.equal(show(key), want);
      key.wipe();
      assert.equal(show(key), want);
    });
  }

  const hides: readonly { name: string; show: (key: SecretBytes) => unknown }[] = [
    {
      name: 'inspect without custom inspection',
      show: (key) => inspect(key, { customInspect: false, showHidden: true, depth: 9 }),
    },
    { name: 'its own properties', show: (key) => Reflect.ownKeys(key).map(String).join() },
    { name: 'a spread', show: (key) => inspect({ ...key }) },
    { name: 'a structured clone', show: (key) => inspect(structuredClone({ key }), { depth: 9 }) },
    { name: 'an error that has it as its cause', show: (key) => inspect(new Error('failed', { cause: key })) },
  ];
  for (const { name, show } of hides) {
    it(`shows no byte in ${name}`, () => {
      const shown = String(show(secret()));
      for (const part of [TEXT, HEX, '50 4c 45', '80, 76, 69']) assert.ok(!shown.includes(part), shown);
    });
  }

  it('owns the bytes it takes over and zeroes them when wiped', () => {
    const bytes = Buffer.from(TEXT);
    const key = SecretBytes.own(bytes);
    assert.equal(key.expose(), bytes);
    key.wipe();
    assert.deepEqual(bytes, Buffer.alloc(32));
    assert.equal(key.isWiped, true);
  });

  it('copies the bytes of another owner, who keeps and zeroes them alone', () => {
    const bytes = Buffer.from(TEXT);
    const key = SecretBytes.copyOf(bytes);
    bytes.fill(0);
    assert.equal(Buffer.from(key.expose()).toString(), TEXT);
    const copy = key.copy();
    key.wipe();
    assert.equal(Buffer.from(copy.expose()).toString(), TEXT);
  });

  it('is wiped at the end of the block that uses it', () => {
    const bytes = Buffer.from(TEXT);
    {
      using key = SecretBytes.own(bytes);
      assert.equal(key.length, 32);
    }
    assert.deepEqual(bytes, Buffer.alloc(32));
  });

  it('may be wiped twice', () => {
    const key = secret();
    key.wipe();
    assert.doesNotThrow(() => key.wipe());
  });

  const uses: readonly { name: string; use: (key: SecretBytes) => unknown }[] = [
    { name: 'expose', use: (key) => key.expose() },
    { name: 'copy', use: (key) => key.copy() },
    { name: 'length', use: (key) => key.length },
    { name: 'equals', use: (key) => key.equals(secret()) },
    { name: 'equals, as the other side', use: (key) => secret().equals(key) },
  ];
  for (const { name, use } of uses) {
    it(`Precondition: not wiped. (${name})`, () => {
      const key = secret();
      key.wipe();
      assert.throws(() => use(key), { message: 'a wiped key was used' });
    });
  }

  const pairs = [
    { name: 'the same bytes', input: TEXT, want: true },
    { name: 'another last byte', input: `${TEXT.slice(0, -1)}s`, want: false },
    { name: 'fewer bytes', input: TEXT.slice(0, -1), want: false },
    { name: 'more bytes', input: `${TEXT}\0`, want: false },
    { name: 'no bytes', input: '', want: false },
  ];
  for (const { name, input, want } of pairs) {
    it(`${want ? 'equals' : 'does not equal'} ${name}`, () => {
      assert.equal(secret().equals(SecretBytes.own(Buffer.from(input))), want);
    });
  }
});
