import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from '../../../../src/kms/kmip/frame.ts';
import { TAG } from '../../../../src/kms/kmip/tags.ts';
import { encodeTtlv, MAX_MESSAGE_BYTES, MalformedTtlv } from '../../../../src/kms/kmip/ttlv.ts';
import { check } from '../../../property/runs.ts';

const message = (content: Uint8Array): Uint8Array =>
  encodeTtlv({ tag: TAG.responseMessage, type: 'structure', items: [{ tag: TAG.data, type: 'bytes', value: content }] });

describe('a message on a connection', () => {
  it('is the same however it is cut into pieces, and the pieces are zeroed', () => {
    const input = fc.tuple(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(), { maxLength: 6 }));
    check(
      fc.property(input, ([content, cuts]) => {
        const bytes = message(content);
        const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.slice(places[index], end));
        const frame = new FrameReader(TAG.responseMessage);
        const results = pieces.map((piece) => frame.push(piece)).filter((result) => result !== undefined);
        assert.deepEqual(results, [bytes]);
        assert.ok(pieces.every((piece) => piece.every((byte) => byte === 0)));
      }),
      200,
    );
  });

  const header = (tag: number, type: number, length: number): Uint8Array => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(tag * 0x100 + type);
    bytes.writeUInt32BE(length, 4);
    return new Uint8Array(bytes);
  };
  const refused: readonly { readonly name: string; readonly bytes: Uint8Array }[] = [
    { name: 'another tag', bytes: header(TAG.requestMessage, 1, 16) },
    { name: 'another type', bytes: header(TAG.responseMessage, 8, 16) },
    { name: 'a length of 4 GiB', bytes: header(TAG.responseMessage, 1, 0xffffffff) },
    { name: 'a length just beyond 64 KiB', bytes: header(TAG.responseMessage, 1, MAX_MESSAGE_BYTES) },
    { name: 'bytes behind it', bytes: Uint8Array.of(...message(new Uint8Array(1)), 0) },
    { name: 'the words of another protocol', bytes: new Uint8Array(Buffer.from('HTTP/1.1 400 Bad Request')) },
  ];
  for (const { name, bytes } of refused) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => new FrameReader(TAG.responseMessage).push(bytes), MalformedTtlv);
    });
  }

  it('leaves nothing behind when it is given up', () => {
    const frame = new FrameReader(TAG.responseMessage);
    const piece = message(new Uint8Array(40).fill(7)).slice(0, 48);
    assert.equal(frame.push(piece), undefined);
    frame.discard();
    assert.ok(piece.every((byte) => byte === 0));
  });
});
