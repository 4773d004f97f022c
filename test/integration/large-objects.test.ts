import assert from 'node:assert/strict';
import { createCipheriv, randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { decrypted, decryptedRange, encrypted } from '../fakes/streams.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';

const MIB = 2 ** 20;
const SIZE = 256 * MIB + 123;
const RANGES = 200;
/** What the daemon's memory may grow by while the object passes through it, four times over; the object is eight times as large. */
const MAX_GROWTH = 32 * MIB;

describe('an object of 256 MiB', () => {
  it('passes through a daemon that does not grow with it, and any range of it is the slice', async (t) => {
    const daemon = await startDaemon(['--state-dir', temporaryDirectory(t), '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0']);
    const client = new Client(daemon.tcp, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
    t.after(async () => {
      client.close();
      await daemon.stop();
    });
    // What a stream needs at all is taken with the first one.
    const warm = await encrypted({ client }, Buffer.alloc(16 * MIB), { pieceBytes: 256 * 1024, open: { detached: true } });
    await decrypted({ client }, warm.bytes, { pieceBytes: 256 * 1024, open: { edek: warm.edek } });
    const before = residentBytes(daemon.process.pid as number);

    const plaintext = pseudorandom(SIZE);
    const { edek, bytes } = await encrypted({ client }, plaintext, { pieceBytes: 256 * 1024, open: { detached: true } });
    const opened = await decrypted({ client }, bytes, { pieceBytes: 300_000, open: { edek } });
    assert.ok(opened.equals(plaintext));
    const growth = residentBytes(daemon.process.pid as number) - before;
    t.diagnostic(`the daemon grew by ${Math.round(growth / MIB)} MiB`);
    assert.ok(growth < MAX_GROWTH, `the daemon grew by ${growth} bytes`);

    for (let at = 0; at < RANGES; at++) {
      const offset = randomInt(SIZE);
      const length = randomInt(2 * MIB);
      const given = await decryptedRange({ client }, { edek, bytes }, { offset, length, objectSize: SIZE });
      assert.ok(given.equals(plaintext.subarray(offset, offset + length)), `${length} bytes from ${offset}`);
    }
  });
});

/** Random bytes at the speed of a cipher. */
function pseudorandom(size: number): Buffer {
  return createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16)).update(Buffer.alloc(size));
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  assert.ok(kib !== undefined);
  return Number(kib) * 1024;
}
