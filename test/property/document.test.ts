import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { KeysideError } from '../../src/core/errors.ts';
import { openField } from '../../src/envelope/field.ts';
import {
  bytes,
  type DocumentToWrite,
  documentToWrite,
  encryptionContext,
  type FieldToWrite,
  fields,
  fieldToWrite,
  key,
  open,
  read,
  type StoredDocument,
  shortKeyBlock,
  text,
  write,
} from './arbitraries.ts';
import { check } from './runs.ts';

/** As `read`, with malformed told apart; any error but EDEK_MALFORMED is a failure of the test. */
function outcome(stored: StoredDocument): ReadonlyMap<string, Uint8Array> | 'malformed' | 'rejected' {
  try {
    return read(stored) ?? 'rejected';
  } catch (error) {
    if (error instanceof KeysideError && error.reason === 'EDEK_MALFORMED') return 'malformed';
    throw error;
  }
}

function assertPlaintexts(opened: ReadonlyMap<string, Uint8Array>, given: DocumentToWrite): void {
  assert.deepEqual([...opened.keys()], [...given.fields.keys()]);
  for (const [name, { plaintext }] of given.fields) assert.deepEqual(Buffer.from(opened.get(name) ?? []), Buffer.from(plaintext));
}

function flip(input: Uint8Array, bit: number): Uint8Array {
  const changed = new Uint8Array(input);
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (0x80 >> (bit & 7));
  return changed;
}

/** A document with one field that is there for certain. */
const documentWithField = fc
  .tuple(documentToWrite, text, fieldToWrite)
  .map(([given, name, field]) => ({ given: { ...given, fields: new Map([...given.fields, [name, field]]) }, name }));

describe('any document', () => {
  it('opens to what was sealed, whatever its fields, label, context and wraps', () => {
    check(
      fc.property(documentToWrite, (given) => {
        const opened = read(write(given));
        assert.ok(opened !== undefined);
        assertPlaintexts(opened, given);
      }),
    );
  });

  it('opens in whatever order the pairs of its context are given', () => {
    check(
      fc.property(documentToWrite, (given) => {
        const stored = write(given);
        const pairs = new Map([...given.context.pairs].reverse());
        assert.ok(read({ ...stored, context: { ...stored.context, pairs } }) !== undefined);
      }),
    );
  });

  for (const count of [0, 10_000]) {
    it(`opens with ${count} fields`, () => {
      const names = Array.from({ length: count }, (_, at) => `field ${at}`);
      const field = (at: number): FieldToWrite => ({ plaintext: Buffer.from(`${at}`), version: at % 2 === 0 ? 1 : 2 });
      const given: DocumentToWrite = { ...SHORT, fields: new Map(names.map((name, at) => [name, field(at)])) };
      const opened = read(write(given));
      assert.ok(opened !== undefined);
      assertPlaintexts(opened, given);
    });
  }

  it('opens under no other data key', () => {
    check(
      fc.property(documentToWrite, key, (given, dataKey) => {
        fc.pre(!Buffer.from(dataKey).equals(given.dataKey));
        assert.equal(read({ ...write(given), dataKey }), undefined);
      }),
    );
  });

  it('opens under no other tenant or context', () => {
    check(
      fc.property(documentToWrite, encryptionContext, fc.boolean(), (given, other, keepsPairs) => {
        const context = { ...given.context, tenantId: other.tenantId, pairs: keepsPairs ? given.context.pairs : other.pairs };
        fc.pre(context.tenantId !== given.context.tenantId || !keepsPairs);
        fc.pre(keepsPairs || !isDeepStrictEqual(context.pairs, given.context.pairs));
        assert.equal(read({ ...write(given), context }), undefined);
      }),
    );
  });

  it('opens under no other label', () => {
    check(
      fc.property(documentToWrite, text, (given, label) => {
        fc.pre(label !== given.context.dataLabel);
        const stored = write(given);
        const length = Buffer.byteLength(given.context.dataLabel);
        const relabelled = Buffer.concat([
          stored.edek.subarray(0, 4),
          Buffer.of(Buffer.byteLength(label) >> 8, Buffer.byteLength(label) & 0xff),
          Buffer.from(label),
          stored.edek.subarray(6 + length),
        ]);
        assert.equal(read({ ...stored, edek: relabelled }), undefined);
      }),
    );
  });

  it('opens a field under no other name', () => {
    check(
      fc.property(documentWithField, text, ({ given, name }, other) => {
        fc.pre(other !== name);
        const stored = write(given);
        const document = open(stored);
        const sealed = stored.sealed.get(name);
        assert.ok(document !== undefined && sealed !== undefined);
        assert.equal(openField(document, other, sealed), undefined);
      }),
    );
  });

  it('opens no field of another document, not even under the same data key, context and name', () => {
    check(
      fc.property(documentWithField, fields, ({ given, name }, otherFields) => {
        const stored = write(given);
        const sibling = open(write({ ...given, fields: otherFields }));
        const sealed = stored.sealed.get(name);
        assert.ok(sibling !== undefined && sealed !== undefined);
        assert.equal(openField(sibling, name, sealed), undefined);
      }),
    );
  });

  it('opens no two fields exchanged by name', () => {
    const two = fc.tuple(documentToWrite, fc.uniqueArray(text, { minLength: 2, maxLength: 2 }), fieldToWrite, fieldToWrite);
    check(
      fc.property(two, ([given, [a = '', b = ''], one, other]) => {
        const stored = write({
          ...given,
          fields: new Map([
            [a, one],
            [b, other],
          ]),
        });
        const document = open(stored);
        assert.ok(document !== undefined);
        assert.equal(openField(document, a, stored.sealed.get(b) ?? new Uint8Array()), undefined);
        assert.equal(openField(document, b, stored.sealed.get(a) ?? new Uint8Array()), undefined);
      }),
    );
  });

  it('opens no field with a bit flipped, a byte cut off or a byte more', () => {
    check(
      fc.property(documentWithField, fc.nat(), fc.nat(), ({ given, name }, bit, length) => {
        const stored = write(given);
        const document = open(stored);
        const sealed = stored.sealed.get(name);
        assert.ok(document !== undefined && sealed !== undefined);
        const altered = [
          flip(sealed, bit % (sealed.length * 8)),
          sealed.subarray(0, length % sealed.length),
          Buffer.concat([sealed, Buffer.of(bit & 0xff)]),
        ];
        for (const input of altered) assert.equal(openField(document, name, input), undefined);
      }),
    );
  });

  it('opens no arbitrary bytes as a field, and never throws', () => {
    const document = open(write(SHORT));
    assert.ok(document !== undefined);
    const input = fc.tuple(fc.constantFrom([], [1], [2]), bytes).map(([version, rest]) => Uint8Array.of(...version, ...rest));
    check(
      fc.property(fc.string({ unit: 'binary-ascii' }), input, (name, sealed) => {
        assert.equal(openField(document, name, sealed), undefined);
      }),
      500,
    );
  });
});

/** Short enough to try every bit of it. */
const SHORT: DocumentToWrite = {
  dataKey: new Uint8Array(32).fill(0x64),
  context: { tenantId: 'acme' as DocumentToWrite['context']['tenantId'], dataLabel: 'l', pairs: new Map([['k', 'v']]) },
  keyBlock: shortKeyBlock,
  fields: new Map([
    ['a', { plaintext: Buffer.from('1'), version: 1 }],
    ['b', { plaintext: Buffer.from('2'), version: 2 }],
  ]),
};

describe('a short document, at every single bit and every length', () => {
  const stored = write(SHORT);
  const keyBlockAt = stored.edek.length - SHORT.keyBlock.bytes.length;

  it('yields a rejection for a flipped bit of the edek, or the identical plaintexts where the bit lies in the key block', () => {
    const outcomes = { malformed: 0, rejected: 0, identical: 0 };
    for (let bit = 0; bit < stored.edek.length * 8; bit++) {
      const result = outcome({ ...stored, edek: flip(stored.edek, bit) });
      if (typeof result === 'string') {
        outcomes[result]++;
        continue;
      }
      assert.ok(bit >= keyBlockAt * 8, `bit ${bit} lies outside of the key block and was accepted`);
      assertPlaintexts(result, SHORT);
      outcomes.identical++;
    }
    assert.ok(outcomes.malformed > 100 && outcomes.rejected >= (24 + 32) * 8 && outcomes.identical > 0, JSON.stringify(outcomes));
  });

  for (const [name, sealed] of stored.sealed) {
    it(`is rejected for a flipped bit of field ${name}`, () => {
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = new Map(stored.sealed).set(name, flip(sealed, bit));
        assert.equal(outcome({ ...stored, sealed: changed }), 'rejected', `bit ${bit}`);
      }
    });

    it(`is rejected for every shorter field ${name}`, () => {
      for (let length = 0; length < sealed.length; length++) {
        const changed = new Map(stored.sealed).set(name, sealed.subarray(0, length));
        assert.equal(outcome({ ...stored, sealed: changed }), 'rejected', `${length} bytes`);
      }
    });
  }

  it('is malformed for every shorter edek', () => {
    for (let length = 0; length < stored.edek.length; length++) {
      assert.equal(outcome({ ...stored, edek: stored.edek.subarray(0, length) }), 'malformed', `${length} bytes`);
    }
  });
});
