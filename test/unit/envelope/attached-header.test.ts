import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attachedHeaderBytes } from '../../../src/envelope/attached-header.ts';
import { encodeHeader } from '../../../src/envelope/header.ts';
import { blockOf } from '../../fakes/key-blocks.ts';
import { refused } from '../../fakes/refused.ts';
import { World } from '../../fakes/world.ts';

describe('a header before a body', () => {
  it('ends where its own lengths say, however much of the body is there', async () => {
    const keyBlock = await blockOf(
      new World(),
      { configuration: 'acme-main', value: 7 },
      { configuration: 'acme-old', value: 7 },
    );
    const salt = new Uint8Array(24).fill(1);
    const commitment = new Uint8Array(32).fill(2);
    const header = encodeHeader({ kind: 'object', dataLabel: 'invoices', salt, commitment, keyBlock });
    for (let length = 0; length < header.length; length++) {
      assert.equal(attachedHeaderBytes(header.subarray(0, length)), undefined, `after ${length} bytes`);
    }
    assert.equal(attachedHeaderBytes(header), header.length);
    assert.equal(attachedHeaderBytes(Buffer.concat([header, Buffer.alloc(1_000, 0xff)])), header.length);
  });

  it('is refused where it would exceed the largest header', async () => {
    const endless = Buffer.alloc(70_000, 0xff);
    await refused(() => attachedHeaderBytes(endless), 'EDEK_MALFORMED', /exceeds 65536 bytes/);
    assert.equal(attachedHeaderBytes(endless.subarray(0, 65_535)), undefined);
  });
});
