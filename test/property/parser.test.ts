import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeysideError } from '../../src/core/errors.ts';
import type { KeyConfigurationId } from '../../src/core/ids.ts';
import { encodeHeader, parseHeader } from '../../src/envelope/header.ts';
import { encodeKeyBlock, parseKeyBlock, type StoredWrap } from '../../src/envelope/key-block.ts';
import { id, keyBlock, text, wraps } from './arbitraries.ts';
import { check } from './runs.ts';

/** The parser's result, or undefined where it refuses; any error but EDEK_MALFORMED is a failure of the test. */
function parsed<T>(parse: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof KeysideError && error.reason === 'EDEK_MALFORMED') return undefined;
    throw error;
  }
}

const header = fc
  .record({
    kind: fc.constantFrom('document', 'object'),
    dataLabel: text,
    salt: fc.uint8Array({ minLength: 24, maxLength: 24 }),
    commitment: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    keyBlock,
  })
  .map(encodeHeader);

/** A change to some place of the input: bytes replaced, inserted or cut out. */
interface Change {
  readonly at: number;
  readonly cut: number;
  readonly insert: Uint8Array;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  cut: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 1, 2) }, { weight: 1, arbitrary: fc.nat(64) }),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.constantFrom(Uint8Array.of(0xff, 0xff), Uint8Array.of(0), Uint8Array.of(0xff), Uint8Array.of(17), Uint8Array.of(0, 0)),
  ),
});

function changed(input: Uint8Array, changes: readonly Change[]): Uint8Array {
  return changes.reduce((bytes, { at, cut, insert }) => {
    const start = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + cut)]);
  }, input);
}

const changedHeader = fc
  .tuple(header, fc.array(change, { minLength: 1, maxLength: 3 }))
  .map(([bytes, changes]) => changed(bytes, changes));

describe('the parsers of headers and key blocks', () => {
  it('refuse arbitrary bytes as EDEK_MALFORMED and throw nothing else', () => {
    const begun = fc.tuple(
      fc.constantFrom('', 'KD', 'KO', 'KD\x01\x01', 'KO\x01\x01', 'KD\x01\x01\0\0'),
      fc.uint8Array({ maxLength: 300 }),
    );
    check(
      fc.property(begun, ([prefix, rest]) => {
        parsed(parseHeader, Buffer.concat([Buffer.from(prefix), rest]));
        parsed(parseKeyBlock, rest);
      }),
      1_000,
    );
  });

  it('refuse or parse a changed header, and what parses encodes to the very same bytes', () => {
    let accepted = 0;
    check(
      fc.property(changedHeader, (bytes) => {
        const result = parsed(parseHeader, bytes);
        if (result === undefined) return;
        accepted++;
        assert.deepEqual(Buffer.from(encodeHeader(result)), Buffer.from(bytes));
        assert.deepEqual(Buffer.from(encodeKeyBlock(result.keyBlock.wraps).bytes), Buffer.from(result.keyBlock.bytes));
      }),
      400,
    );
    assert.ok(accepted > 0, 'no changed header parsed at all: the property saw nothing');
  });

  it('give back every block of wraps that the format allows', () => {
    check(
      fc.property(wraps, (given) => {
        const block = parseKeyBlock(encodeKeyBlock(given).bytes);
        assert.deepEqual(
          block.wraps.map((wrap) => ({ ...wrap, ciphertext: new Uint8Array(wrap.ciphertext) })),
          given,
        );
        assert.equal(block.shareCount, given[0]?.shareCount);
      }),
    );
  });

  it('take ids of the one form only', () => {
    const candidate = fc.oneof(id, fc.string({ maxLength: 140 }), fc.constantFrom('', 'x'.repeat(128), 'x'.repeat(129)));
    check(
      fc.property(candidate, (value) => {
        const wrap = Buffer.concat([Buffer.of(1, 1, 5, 0, Buffer.byteLength(value)), Buffer.from(value)]);
        fc.pre(Buffer.byteLength(value) < 256);
        const block = parsed(parseKeyBlock, Buffer.concat([wrap, Buffer.of(0, 1, 0x31, 0, 0, 0, 1, 7)]));
        assert.equal(block !== undefined, /^[A-Za-z0-9._:@-]{1,128}$/.test(value));
      }),
      500,
    );
  });
});

/** The rules of section 3 on shares and duplicates, put down once more in the plainest way. */
function isAllowed(list: readonly StoredWrap[]): boolean {
  const [first] = list;
  if (first === undefined || list.length > 16) return false;
  const n = first.shareCount;
  const shares = new Set(list.map((wrap) => wrap.share));
  const wanted = n === 0 ? [0] : Array.from({ length: n }, (_, at) => at + 1);
  const isOneKind = list.every((wrap) => wrap.shareCount === n) && (n === 0 || (n >= 2 && n <= 16));
  const isComplete = shares.size === wanted.length && wanted.every((share) => shares.has(share));
  const hasDuplicates = list.some((a, i) =>
    list.some((b, j) => i < j && a.configurationId === b.configurationId && a.keyVersion === b.keyVersion && a.share === b.share),
  );
  const isOneCustodianTwice = list.some((a) => list.some((b) => a.configurationId === b.configurationId && a.share !== b.share));
  return isOneKind && isComplete && !hasDuplicates && !isOneCustodianTwice;
}

describe('the rules on shares', () => {
  const small = fc.record({
    configurationId: fc.constantFrom('a', 'b', 'c', 'd') as fc.Arbitrary<KeyConfigurationId>,
    keyVersion: fc.constantFrom('', '1'),
    share: fc.nat(3),
    shareCount: fc.oneof({ weight: 9, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 3, 17) }),
  });
  const list = fc.oneof(
    fc.array(small, { maxLength: 5 }),
    fc.array(
      small.map((wrap) => ({ ...wrap, share: 0, shareCount: 0 })),
      { maxLength: 4 },
    ),
    fc.array(
      small.map((wrap) => ({ ...wrap, share: 1 + (wrap.share % 2), shareCount: 2 })),
      { maxLength: 4 },
    ),
  );

  it('decide alike in the parser and in the plainest reading of the format', () => {
    const seen = { true: 0, false: 0 };
    check(
      fc.property(list, (parts) => {
        const stored = parts.map((part) => ({ provider: 1, algorithm: 5, ciphertext: Uint8Array.of(7), ...part }));
        const raw = stored.flatMap(({ configurationId, keyVersion, share, shareCount }) => [
          ...[1, 5, 0, 1, ...Buffer.from(configurationId)],
          ...[0, keyVersion.length, ...Buffer.from(keyVersion), share, shareCount, 0, 1, 7],
        ]);
        const accepted = parsed(parseKeyBlock, Uint8Array.of(stored.length, ...raw)) !== undefined;
        assert.equal(accepted, isAllowed(stored));
        seen[`${accepted}`]++;
      }),
      1_000,
    );
    assert.ok(seen.true > 20 && seen.false > 20, `the property must see both: ${JSON.stringify(seen)}`);
  });
});

describe('a length that is claimed', () => {
  const salted = Buffer.concat([Buffer.from('KD\x01\x01\0\0'), Buffer.alloc(24 + 32)]);
  const claims = [
    { name: 'the label', input: Buffer.from('KD\x01\x01\xff\xff', 'latin1') },
    { name: 'the configuration id', input: Buffer.concat([salted, Buffer.from('010105ffff', 'hex')]) },
    { name: 'the key version', input: Buffer.concat([salted, Buffer.from('010105000161ffff', 'hex')]) },
    { name: 'the wrapped key', input: Buffer.concat([salted, Buffer.from('0101050001610001310000ffff', 'hex')]) },
  ];
  for (const { name, input } of claims) {
    it(`allocates nothing: 65,535 bytes of ${name} that are not there`, () => {
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      for (let at = 1; at <= 2_000; at++) {
        assert.equal(parsed(parseHeader, input), undefined);
        if (at % 50 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      assert.ok(most < 4 * 1024 * 1024, `2,000 refusals held ${most} bytes at a time, and 131 MB were claimed`);
    });
  }

  it('leads to views of the input, never to copies', () => {
    check(
      fc.property(header, (bytes) => {
        const { salt, commitment, keyBlock: block } = parseHeader(bytes);
        const views = [salt, commitment, block.bytes, ...block.wraps.map((wrap) => wrap.ciphertext)];
        for (const view of views) assert.equal(view.buffer, bytes.buffer);
      }),
    );
  });
});
