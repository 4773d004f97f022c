import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import { derive, deriveVerified } from '../../../src/envelope/derive.ts';
import { cipher, context, dataKey, sampleHeader } from './sample.ts';

describe('deriveVerified', () => {
  it('Postcondition: whatever is returned was compared with the commitment in constant time.', () => {
    const header = sampleHeader('document');
    for (let bit = 0; bit < 256; bit++) {
      const commitment = Buffer.from(header.commitment);
      commitment.writeUInt8(commitment.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(deriveVerified(cipher, dataKey(), { header: { ...header, commitment }, context }), undefined);
    }
    for (const size of [0, 31, 33]) {
      const commitment = Buffer.concat([header.commitment, Buffer.alloc(1)]).subarray(0, size);
      assert.equal(deriveVerified(cipher, dataKey(), { header: { ...header, commitment }, context }), undefined);
    }
    assert.ok(deriveVerified(cipher, dataKey(), { header, context }) !== undefined);
  });

  it('compares by timingSafeEqual, all 32 bytes at once', (t) => {
    const compare = t.mock.method(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    const header = sampleHeader('document');
    deriveVerified(cipher, dataKey(), { header, context });
    compare.mock.restore();
    syncBuiltinESMExports();
    assert.deepEqual(
      compare.mock.calls.map((call) => call.arguments.map((bytes) => bytes.byteLength)),
      [[32, 32]],
    );
  });
});

describe('derive', () => {
  it('derives other keys and commitments for documents and objects of the same salt', () => {
    const salt = Buffer.alloc(24, 4);
    const [document, object] = (['document', 'object'] as const).map((kind) =>
      derive(cipher, dataKey(), { kind, salt, context }),
    );
    assert.notDeepEqual(document?.commitment, object?.commitment);
  });

  it('returns a commitment that shares no memory with the key', () => {
    const { commitment } = derive(cipher, dataKey(), { kind: 'document', salt: Buffer.alloc(24), context });
    assert.equal(commitment.buffer.byteLength, 32);
  });
});
