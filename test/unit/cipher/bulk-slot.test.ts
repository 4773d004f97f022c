import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { BulkJob } from '../../../src/cipher/bulk-cipher.ts';
import { type FilledSlot, fillSlot, slotBytes, workOff } from '../../../src/cipher/bulk-slot.ts';
import { BulkThread } from '../../../src/cipher/bulk-thread.ts';
import { type Cipher, TAG_BYTES } from '../../../src/cipher/cipher.ts';
import { allCiphers } from './native-setup.ts';

const KEY = Buffer.alloc(32, 0x6b);
const PLAINTEXT = Buffer.from('a plaintext of the job');

function job(parts: Partial<BulkJob> = {}): BulkJob {
  return { work: 'seal', key: KEY, nonce: Buffer.alloc(12, 7), aad: Buffer.from('aad'), input: PLAINTEXT, headroom: 0, ...parts };
}

function fill(given: BulkJob, spareBytes = 0): FilledSlot {
  return fillSlot(new SharedArrayBuffer(slotBytes(given) + spareBytes), given);
}

function isZero(memory: SharedArrayBuffer): boolean {
  return new Uint8Array(memory).every((byte) => byte === 0);
}

for (const { name, cipher, skip } of allCiphers()) {
  describe(`a slot worked off by ${name}`, { skip }, () => {
    it('gives what the cipher gives, and is zero afterwards', () => {
      const slot = fill(job({ headroom: 5 }), 100);
      assert.ok(Buffer.from(new Uint8Array(slot.memory)).includes(PLAINTEXT));
      const sealed = workOff(cipher, slot) as Uint8Array;
      assert.ok(isZero(slot.memory));
      const opened = Buffer.alloc(PLAINTEXT.length);
      const input = { nonce: job().nonce, aad: job().aad, ciphertext: sealed.subarray(5) };
      assert.equal(cipher.open(cipher.importKey(KEY), input, opened), true);
      assert.deepEqual(opened, PLAINTEXT);
      const again = fill(job({ work: 'open', input: input.ciphertext }));
      assert.deepEqual(Buffer.from(workOff(cipher, again) as Uint8Array), PLAINTEXT);
      assert.ok(isZero(again.memory));
    });

    it('is zero where the tag does not match', () => {
      const slot = fill(job({ work: 'open', input: Buffer.alloc(40, 1) }));
      assert.equal(workOff(cipher, slot), undefined);
      assert.ok(isZero(slot.memory));
    });

    it('is zero where the cipher throws, and holds no key while the cipher works', () => {
      const slot = fill(job({ work: 'open', input: Buffer.alloc(TAG_BYTES - 1, 1) }));
      assert.throws(() => workOff(cipher, slot), RangeError);
      assert.ok(isZero(slot.memory));
      const seen = fill(job());
      const watching: Cipher = {
        ...cipher,
        seal: (...about) => {
          assert.ok(!Buffer.from(new Uint8Array(seen.memory)).includes(KEY));
          cipher.seal(...about);
        },
      };
      workOff(watching, seen);
    });
  });
}

it('Precondition: `key` 32 bytes, the nonce 12.', () => {
  assert.throws(() => fill(job({ key: Buffer.alloc(31) })), RangeError);
  assert.throws(() => fill(job({ nonce: Buffer.alloc(13) })), RangeError);
});

it('a slot is zero once its thread has ended in the middle of the job', async () => {
  // It takes the job and never answers.
  const worker = new Worker(
    new URL('data:text/javascript,import("node:worker_threads").then(m=>m.parentPort.on("message",()=>0))'),
  );
  const sent = mock.method(worker, 'postMessage');
  let ended: BulkThread | undefined;
  const thread = new BulkThread(worker, (which) => {
    ended = which;
  });
  const failure = assert.rejects(thread.run(job()), { reason: 'INTERNAL' });
  const [{ memory }] = sent.mock.calls.map((call) => call.arguments[0]) as [FilledSlot];
  assert.ok(Buffer.from(new Uint8Array(memory)).includes(KEY));
  await thread.end();
  await failure;
  assert.ok(isZero(memory));
  assert.equal(ended, thread);
});
