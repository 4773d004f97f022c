import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeTtlv, encodeTtlv, MAX_MESSAGE_BYTES, MalformedTtlv, type TtlvItem } from '../../../../src/kms/kmip/ttlv.ts';
import { check } from '../../../property/runs.ts';

const TAG = 0x420020;

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** The examples of the KMIP specification 1.4, section 9.1.2, as far as the types are used here. */
const EXAMPLES: readonly { readonly name: string; readonly item: TtlvItem; readonly bytes: string }[] = [
  { name: 'an integer', item: { tag: TAG, type: 'integer', value: 8 }, bytes: '420020 02 00000004 00000008 00000000' },
  { name: 'an enumeration', item: { tag: TAG, type: 'enumeration', value: 255 }, bytes: '420020 05 00000004 000000FF 00000000' },
  { name: 'a boolean', item: { tag: TAG, type: 'boolean', value: true }, bytes: '420020 06 00000008 0000000000000001' },
  {
    name: 'a text',
    item: { tag: TAG, type: 'text', value: 'Hello World' },
    bytes: '420020 07 0000000B 48656C6C6F20576F726C64 0000000000',
  },
  {
    name: 'bytes',
    item: { tag: TAG, type: 'bytes', value: Uint8Array.of(1, 2, 3) },
    bytes: '420020 08 00000003 010203 0000000000',
  },
  {
    name: 'a date and time, of which only the bytes are kept',
    item: { tag: TAG, type: 'other', code: 9, value: hex('0000000047DA67F8') },
    bytes: '420020 09 00000008 0000000047DA67F8',
  },
  {
    name: 'a structure',
    item: {
      tag: TAG,
      type: 'structure',
      items: [
        { tag: 0x420004, type: 'enumeration', value: 254 },
        { tag: 0x420005, type: 'integer', value: 255 },
      ],
    },
    bytes: '420020 01 00000020 420004 05 00000004 000000FE 00000000 420005 02 00000004 000000FF 00000000',
  },
];

describe('TTLV', () => {
  for (const { name, item, bytes } of EXAMPLES) {
    it(`writes and reads ${name} as the specification has it`, () => {
      assert.deepEqual(encodeTtlv(item), hex(bytes));
      assert.deepEqual(decodeTtlv(hex(bytes)), item);
    });
  }

  const nested = (depth: number): string =>
    Array.from({ length: depth }).reduce<string>((inner) => {
      const length = (inner.length / 2).toString(16).padStart(8, '0');
      return `42002001${length}${inner}`;
    }, '');
  const malformed: readonly { readonly name: string; readonly bytes: string }[] = [
    { name: 'nothing', bytes: '' },
    { name: 'a header that is cut', bytes: '420020 02 000000' },
    { name: 'a value beyond the end', bytes: '420020 08 00000009 0102030405060708' },
    { name: 'a length of 4 GiB', bytes: '420020 08 FFFFFFFF 0102030405060708' },
    { name: 'padding that is missing', bytes: '420020 02 00000004 00000008' },
    { name: 'bytes after the item', bytes: '420020 02 00000004 00000008 00000000 00' },
    { name: 'an integer of 8 bytes', bytes: '420020 02 00000008 0000000000000008' },
    { name: 'an enumeration of no bytes', bytes: '420020 05 00000000' },
    { name: 'a boolean of 2', bytes: '420020 06 00000008 0000000000000002' },
    { name: 'a boolean with a bit elsewhere', bytes: '420020 06 00000008 0100000000000001' },
    { name: 'a boolean of 4 bytes', bytes: '420020 06 00000004 00000001 00000000' },
    { name: 'a text that is not UTF-8', bytes: '420020 07 00000001 FF 00000000000000' },
    { name: 'a structure that its last field leaves', bytes: '420020 01 00000008 420004 05 00000004' },
    { name: 'structures 17 deep', bytes: nested(17) },
  ];
  for (const { name, bytes } of malformed) {
    it(`does not read ${name}`, () => {
      assert.throws(() => decodeTtlv(hex(bytes)), MalformedTtlv);
    });
  }

  it('reads structures 16 deep', () => {
    assert.equal(decodeTtlv(hex(nested(16))).type, 'structure');
  });

  it('keeps integers signed and enumerations unsigned', () => {
    for (const item of [
      { tag: TAG, type: 'integer', value: -2 },
      { tag: TAG, type: 'enumeration', value: 0xfffffffe },
    ] as const) {
      assert.deepEqual(decodeTtlv(encodeTtlv(item)), item);
    }
  });

  it('neither writes nor reads more than 64 KiB', () => {
    const item = (length: number): TtlvItem => ({ tag: TAG, type: 'bytes', value: new Uint8Array(length) });
    assert.equal(encodeTtlv(item(MAX_MESSAGE_BYTES - 8)).length, MAX_MESSAGE_BYTES);
    assert.throws(() => encodeTtlv(item(MAX_MESSAGE_BYTES)), RangeError);
    assert.throws(() => decodeTtlv(new Uint8Array(MAX_MESSAGE_BYTES + 8)), MalformedTtlv);
  });

  it('gives back whatever it has written', () => {
    check(
      fc.property(arbitraryItem(), (item) => {
        assert.deepEqual(decodeTtlv(encodeTtlv(item)), item);
      }),
      300,
    );
  });

  it('reads nothing but the bytes it is given, and nothing beyond their end', () => {
    check(
      fc.property(arbitraryItem(), fc.nat(), fc.uint8Array({ maxLength: 16 }), (item, at, around) => {
        const bytes = encodeTtlv(item);
        const surrounded = Uint8Array.of(...around, ...bytes, ...around);
        const view = surrounded.subarray(around.length, around.length + bytes.length);
        assert.deepEqual(decodeTtlv(view), item);
        assert.throws(() => decodeTtlv(view.subarray(0, at % bytes.length)), MalformedTtlv);
      }),
      300,
    );
  });

  it('ends in an item or in MalformedTtlv for any bytes, and what it reads it can write again', () => {
    const anyBytes = fc.uint8Array({ maxLength: 96 });
    check(
      fc.property(fc.oneof(anyBytes, damaged()), (bytes) => {
        const item = decoded(bytes);
        if (item !== undefined) assert.equal(encodeTtlv(item).length, bytes.length);
      }),
      1_000,
    );
  });
});

function decoded(bytes: Uint8Array): TtlvItem | undefined {
  try {
    return decodeTtlv(bytes);
  } catch (error) {
    assert.ok(error instanceof MalformedTtlv, String(error));
    return undefined;
  }
}

/** Written properly, with one byte altered. */
function damaged(): fc.Arbitrary<Uint8Array> {
  return fc.tuple(arbitraryItem(), fc.nat(), fc.integer({ min: 1, max: 255 })).map(([item, at, change]) => {
    const bytes = encodeTtlv(item);
    const index = at % bytes.length;
    return bytes.map((byte, position) => (position === index ? byte ^ change : byte));
  });
}

const PLAIN = { noNullPrototype: true } as const;

function arbitraryItem(): fc.Arbitrary<TtlvItem> {
  const tag = fc.integer({ min: 0, max: 0xffffff });
  const bytes = fc.uint8Array({ maxLength: 20 });
  const leaf: fc.Arbitrary<TtlvItem> = fc.oneof(
    fc.record({ tag, type: fc.constant('integer' as const), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }, PLAIN),
    fc.record({ tag, type: fc.constant('enumeration' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }, PLAIN),
    fc.record({ tag, type: fc.constant('boolean' as const), value: fc.boolean() }, PLAIN),
    fc.record({ tag, type: fc.constant('text' as const), value: fc.string({ unit: 'binary', maxLength: 12 }) }, PLAIN),
    fc.record({ tag, type: fc.constant('bytes' as const), value: bytes }, PLAIN),
    fc.record({ tag, type: fc.constant('other' as const), code: fc.constantFrom(3, 4, 9, 10, 11, 200), value: bytes }, PLAIN),
  );
  return fc.letrec<{ item: TtlvItem }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.record({ tag, type: fc.constant('structure' as const), items: fc.array(tie('item'), { maxLength: 4 }) }, PLAIN),
    ),
  })).item;
}
