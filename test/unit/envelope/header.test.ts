import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import { encodeHeader, type Header, MAX_HEADER_BYTES, parseHeader } from '../../../src/envelope/header.ts';
import { encodeKeyBlock, type KeyBlock } from '../../../src/envelope/key-block.ts';
import { assertRefused } from '../core/refusal.ts';

/** A block whose wraps hold `wrappedBytes` in all, 8,192 at most each. */
function keyBlock(wrappedBytes: number): KeyBlock {
  const sizes: number[] = [];
  for (let left = wrappedBytes; left > 0; left -= 8_192) sizes.push(Math.min(left, 8_192));
  return encodeKeyBlock(
    sizes.map((size, at) => ({
      provider: 1,
      algorithm: 5,
      configurationId: parseKeyConfigurationId(`k${at}`),
      keyVersion: '1',
      share: 0,
      shareCount: 0,
      ciphertext: Buffer.alloc(size, 0x77),
    })),
  );
}

function header(parts: Partial<Header> = {}): Header {
  return {
    kind: 'document',
    dataLabel: 'label',
    salt: Buffer.alloc(24, 1),
    commitment: Buffer.alloc(32, 2),
    keyBlock: keyBlock(10),
    ...parts,
  };
}

/** So many wrapped bytes, in eight wraps, that the header is exactly as large as it may be. */
const LARGEST_WRAPPED = MAX_HEADER_BYTES - (4 + 2 + 5 + 24 + 32) - (1 + 8 * (2 + 4 + 3 + 2 + 2));

describe('parseHeader', () => {
  for (const kind of ['document', 'object'] as const) {
    it(`gives back what encodeHeader wrote: ${kind}`, () => {
      const given = header({ kind, dataLabel: '\u{1f511}\ufeff' });
      const parsed = parseHeader(encodeHeader(given));
      assert.deepEqual(
        { ...parsed, salt: Buffer.from(parsed.salt), commitment: Buffer.from(parsed.commitment) },
        {
          ...given,
          keyBlock: parsed.keyBlock,
        },
      );
      assert.deepEqual(parsed.keyBlock.bytes, given.keyBlock.bytes);
    });
  }

  it('holds views of the bytes it is given', () => {
    const bytes = encodeHeader(header());
    const parsed = parseHeader(bytes);
    for (const view of [parsed.salt, parsed.commitment, parsed.keyBlock.bytes, parsed.keyBlock.wraps[0]?.ciphertext]) {
      assert.equal(view?.buffer, bytes.buffer);
    }
  });

  it('takes 65,536 bytes and refuses one more, before it reads any', () => {
    const largest = encodeHeader(header({ keyBlock: keyBlock(LARGEST_WRAPPED) }));
    assert.equal(largest.length, 65_536);
    assert.equal(parseHeader(largest).keyBlock.wraps.length, 8);
    assertRefused(() => parseHeader(new Uint8Array(65_537)), 'EDEK_MALFORMED', /^the edek exceeds 65536 bytes$/);
    assertRefused(() => parseHeader(Buffer.concat([largest, Buffer.alloc(1)])), 'EDEK_MALFORMED', /exceeds 65536 bytes$/);
  });

  const good = Buffer.from(encodeHeader(header({ dataLabel: '' })));
  const messages = [
    { name: 'nothing', input: Buffer.alloc(0), message: /^the edek is empty$/ },
    { name: 'half a magic', input: good.subarray(0, 1), message: /^the edek ends within its magic$/ },
    { name: 'another magic', input: Buffer.from('XX'), message: /^the edek does not begin as an EDEK or an object header does$/ },
    { name: 'version 2', input: Buffer.from('KD\x02\x01'), message: /^the edek is of an unknown version$/ },
    { name: 'suite 2', input: Buffer.from('KD\x01\x02'), message: /^the edek is of an unknown suite$/ },
    { name: 'a label cut short', input: Buffer.from('KD\x01\x01\x00\x05abc'), message: /^the edek ends within its data label$/ },
    {
      name: 'a label of 1,025 bytes',
      input: Buffer.concat([Buffer.from('KD\x01\x01\x04\x01'), Buffer.alloc(1_025, 'l')]),
      message: /^the edek's data label exceeds 1024 bytes$/,
    },
    {
      name: 'a label that is not UTF-8',
      input: Buffer.concat([Buffer.from('KD\x01\x01\x00\x01'), Buffer.of(0xff)]),
      message: /^the edek's data label is not valid UTF-8$/,
    },
    { name: 'a salt cut short', input: good.subarray(0, 6 + 23), message: /^the edek ends within its salt$/ },
    { name: 'a commitment cut short', input: good.subarray(0, 6 + 24 + 31), message: /^the edek ends within its commitment$/ },
    { name: 'no key block', input: good.subarray(0, 6 + 24 + 32), message: /^the edek ends within its key block$/ },
  ];
  for (const { name, input, message } of messages) {
    it(`says of the form what is wrong: ${name}`, () => {
      assertRefused(() => parseHeader(input), 'EDEK_MALFORMED', message);
    });
  }
});

describe('encodeHeader', () => {
  const faults: readonly { name: string; input: Header }[] = [
    { name: 'a salt of 23 bytes', input: header({ salt: Buffer.alloc(23) }) },
    { name: 'a salt of 25 bytes', input: header({ salt: Buffer.alloc(25) }) },
    { name: 'a commitment of 31 bytes', input: header({ commitment: Buffer.alloc(31) }) },
    { name: 'a commitment of 33 bytes', input: header({ commitment: Buffer.alloc(33) }) },
    { name: 'more than 65,536 bytes in all', input: header({ keyBlock: keyBlock(LARGEST_WRAPPED), dataLabel: 'label+' }) },
  ];
  for (const { name, input } of faults) {
    it(`Precondition: the header's parts are of their sizes and it would parse again. (${name})`, () => {
      assert.throws(() => encodeHeader(input), RangeError);
    });
  }
});
