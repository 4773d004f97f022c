import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, type Frame, FrameReader } from '../../../../src/kms/pkcs11/frames.ts';

describe('frames on the pipe to a module', () => {
  it('come out as they went in, however the pipe cuts them', () => {
    const frames = fc.array(
      fc.record({ head: fc.dictionary(fc.string(), fc.integer()), body: fc.uint8Array({ maxLength: 200 }) }),
    );
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 50 }), (sent, chunkBytes) => {
        const bytes = Buffer.concat(sent.map(({ head, body }) => encodeFrame(head, body)));
        const reader = new FrameReader();
        const received: Frame[] = [];
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          received.push(...reader.push(Buffer.from(bytes.subarray(at, at + chunkBytes))));
        }
        assert.deepEqual(
          received.map(({ head, body }) => ({ head, body })),
          sent.map(({ head, body }) => ({ head: JSON.parse(JSON.stringify(head)), body: new Uint8Array(body) })),
        );
      }),
    );
  });

  it('leave nothing of a secret in the chunk they came in', () => {
    const chunk = encodeFrame({ id: 1 }, Buffer.from('secret'));
    const [frame] = new FrameReader().push(chunk);
    assert.equal(Buffer.from(frame?.body ?? []).toString(), 'secret');
    assert.ok(chunk.every((byte) => byte === 0));
  });

  const broken: readonly { readonly name: string; readonly bytes: Buffer }[] = [
    { name: 'a length beyond what is ever sent', bytes: Buffer.from('7fffffff00000000', 'hex') },
    { name: 'a length too short for a head', bytes: Buffer.from('0000000100', 'hex') },
    { name: 'a head longer than its frame', bytes: Buffer.from('00000006000000ff7b7d', 'hex') },
    { name: 'a head that is no JSON', bytes: Buffer.from('00000006000000025b7d', 'hex') },
  ];
  for (const { name, bytes } of broken) {
    it(`are refused with ${name}`, () => assert.throws(() => new FrameReader().push(Buffer.from(bytes))));
  }
});
