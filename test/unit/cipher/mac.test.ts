import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { equalBytes, hmacSha256, hmacSha512, sha512 } from '../../../src/cipher/mac.ts';

/** RFC 4231, sections 4.2, 4.3, 4.4 and 4.5. */
const CASES = [
  {
    key: '0b'.repeat(20),
    data: Buffer.from('Hi There').toString('hex'),
    mac: '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    key: Buffer.from('Jefe').toString('hex'),
    data: Buffer.from('what do ya want for nothing?').toString('hex'),
    mac: '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    key: 'aa'.repeat(20),
    data: 'dd'.repeat(50),
    mac: 'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  },
];

describe('HMAC-SHA-512', () => {
  for (const [at, { key, data, mac }] of CASES.entries()) {
    it(`gives what RFC 4231 says, test case ${at + 1}`, () => {
      assert.equal(Buffer.from(hmacSha512(Buffer.from(key, 'hex'), Buffer.from(data, 'hex'))).toString('hex'), mac);
    });
  }

  it('equals the HMAC of OpenSSL for every key up to a block and any parts', () => {
    const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
    fc.assert(
      fc.property(bytes(128), fc.array(bytes(300), { maxLength: 4 }), (key, parts) => {
        const theirs = createHmac('sha512', key);
        for (const part of parts) theirs.update(part);
        assert.deepEqual(Buffer.from(hmacSha512(key, ...parts)), theirs.digest());
      }),
    );
  });

  it('Precondition: the key is at most 128 bytes.', () => {
    assert.throws(() => hmacSha512(new Uint8Array(129)), RangeError);
  });

  it('leaves the key as it was', () => {
    const key = Buffer.alloc(32, 7);
    hmacSha512(key, Buffer.from('data'));
    assert.deepEqual(key, Buffer.alloc(32, 7));
  });
});

describe('the other digests', () => {
  it('HMAC-SHA-256 is that of RFC 4231, test case 2, in however many parts', () => {
    const parts = ['what do ya ', 'want for nothing?'].map((text) => Buffer.from(text));
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    assert.equal(Buffer.from(hmacSha256(Buffer.from('Jefe'), ...parts)).toString('hex'), expected);
  });

  it('are those of OpenSSL, and compare by content', () => {
    const bytes = Buffer.from('data');
    assert.deepEqual(Buffer.from(sha512(bytes)), createHash('sha512').update(bytes).digest());
    assert.equal(equalBytes(bytes, Buffer.from('data')), true);
    assert.equal(equalBytes(bytes, Buffer.from('dato')), false);
    assert.equal(equalBytes(bytes, Buffer.from('dat')), false);
  });
});
