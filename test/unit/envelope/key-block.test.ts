import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId } from '../../../src/core/ids.ts';
import { encodeKeyBlock, parseKeyBlock, type StoredWrap } from '../../../src/envelope/key-block.ts';
import { assertRefused } from '../core/refusal.ts';

function wrap(parts: Partial<StoredWrap> & { readonly id?: string } = {}): StoredWrap {
  const { id = 'acme-primary', ...rest } = parts;
  return {
    provider: 1,
    algorithm: 5,
    configurationId: parseKeyConfigurationId(id),
    keyVersion: '1',
    share: 0,
    shareCount: 0,
    ciphertext: Buffer.from('wrapped'),
    ...rest,
  };
}

describe('parseKeyBlock', () => {
  it('holds views of the bytes it is given', () => {
    const { bytes } = encodeKeyBlock([wrap(), wrap({ id: 'other' })]);
    const parsed = parseKeyBlock(bytes);
    for (const { ciphertext } of parsed.wraps) assert.equal(ciphertext.buffer, bytes.buffer);
    assert.equal(parsed.bytes, bytes);
  });

  const single = '01' + '0105' + '000161' + '000131' + '0000' + '000177';
  const messages = [
    { name: 'nothing', input: '', message: /^the edek ends within its key block$/ },
    { name: 'no count', input: '00', message: /^the key block's count is not 1 to 16$/ },
    { name: 'a wrap that ends in its id', input: '0101050005616263', message: /^the edek ends within its configuration id$/ },
    { name: 'a wrap that ends in its version', input: '0101050001610002', message: /^the edek ends within its key version$/ },
    {
      name: 'a wrap that ends in its wrapped key',
      input: `${single.slice(0, -4)}ffff`,
      message: /^the edek ends within its wrapped key$/,
    },
    {
      name: 'an id of 129 bytes',
      input: `0101050081${'61'.repeat(129)}`,
      message: /^a wrap's configuration id exceeds 128 bytes$/,
    },
    {
      name: 'an id of 65,535 bytes',
      input: `010105ffff${'61'.repeat(65_535)}`,
      message: /^a wrap's configuration id exceeds 128 bytes$/,
    },
    {
      name: 'a version of 65 bytes',
      input: `0101050001610041${'31'.repeat(65)}`,
      message: /^a wrap's key version exceeds 64 bytes$/,
    },
    { name: 'trailing bytes', input: `${single}00`, message: /^bytes follow the key block$/ },
  ];
  for (const { name, input, message } of messages) {
    it(`says of the form what is wrong, and repeats no stored value: ${name}`, () => {
      assertRefused(() => parseKeyBlock(Buffer.from(input, 'hex')), 'EDEK_MALFORMED', message);
    });
  }

  it('parses the block that the table above alters', () => {
    assert.equal(parseKeyBlock(Buffer.from(single, 'hex')).wraps.length, 1);
  });
});

describe('encodeKeyBlock', () => {
  const shares = [wrap({ id: 'a', share: 1, shareCount: 2 }), wrap({ id: 'b', share: 2, shareCount: 2 })];

  it('keeps the order of the wraps', () => {
    const block = encodeKeyBlock(shares.toReversed());
    assert.deepEqual(
      block.wraps.map((stored) => stored.share),
      [2, 1],
    );
    assert.equal(block.shareCount, 2);
  });

  const unparsable: readonly { name: string; input: readonly StoredWrap[] }[] = [
    { name: 'no wraps', input: [] },
    { name: '17 wraps', input: Array.from({ length: 17 }, (_, at) => wrap({ id: `key-${at}` })) },
    {
      name: '257 wraps, whose count would wrap around to 1',
      input: Array.from({ length: 257 }, (_, at) => wrap({ id: `k${at}` })),
    },
    { name: 'the same wrap twice', input: [wrap(), wrap()] },
    { name: 'a share missing', input: shares.slice(0, 1) },
    { name: 'mixed kinds', input: [...shares, wrap({ id: 'c' })] },
    {
      name: 'one custodian of two shares',
      input: [wrap({ share: 1, shareCount: 2 }), wrap({ share: 2, shareCount: 2, keyVersion: '2' })],
    },
    { name: 'a provider of 257, which would wrap around to 1', input: [wrap({ provider: 257 })] },
    { name: 'an empty ciphertext', input: [wrap({ ciphertext: Buffer.alloc(0) })] },
    { name: 'a ciphertext of 8,193 bytes', input: [wrap({ ciphertext: Buffer.alloc(8_193) })] },
    { name: 'a ciphertext of 65,536 bytes', input: [wrap({ ciphertext: Buffer.alloc(65_536) })] },
    { name: 'a version of 65 characters', input: [wrap({ keyVersion: 'v'.repeat(65) })] },
    { name: 'a version with a space', input: [wrap({ keyVersion: '1 2' })] },
  ];
  for (const { name, input } of unparsable) {
    it(`Precondition: the wraps would parse. (${name})`, () => {
      assert.throws(() => encodeKeyBlock(input), RangeError);
    });
  }
});
