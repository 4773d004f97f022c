import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type BulkJob, bulkWorkers } from '../../../src/cipher/bulk-cipher.ts';
import { BulkPool } from '../../../src/cipher/bulk-pool.ts';
import { TAG_BYTES } from '../../../src/cipher/cipher.ts';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { KeysideError } from '../../../src/core/errors.ts';

const MIB = 2 ** 20;
const cipher = nodeCipher();
const RAW_KEY = Buffer.alloc(32, 0x6b);
const NONCE = Buffer.alloc(12, 7);
const AAD = Buffer.from('additional data');
const NEVER = new AbortController().signal;

function plaintextOf(size: number): Buffer {
  return Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));
}

function sealedHere(plaintext: Uint8Array): Buffer {
  const out = Buffer.alloc(plaintext.length + TAG_BYTES);
  cipher.seal(cipher.importKey(RAW_KEY), { nonce: NONCE, aad: AAD, plaintext }, out);
  return out;
}

function job(work: BulkJob['work'], input: Uint8Array, headroom = 0): BulkJob {
  return { work, key: RAW_KEY, nonce: NONCE, aad: AAD, input, headroom };
}

const WORKER = new URL('../../../src/cipher/bulk-worker.ts', import.meta.url);

/** A pool of real workers that the test can get at. */
class Watched {
  readonly started: Worker[] = [];
  readonly pool: BulkPool;

  constructor(t: TestContext, workers = 1, url = WORKER) {
    const start = (): Worker => {
      const worker = new Worker(url);
      this.started.push(worker);
      return worker;
    };
    this.pool = new BulkPool({ workers, start });
    t.after(() => this.pool.close());
  }

  /** Ends the latest worker as a fault of its own would. */
  async crash(): Promise<void> {
    await this.started.at(-1)?.terminate();
  }
}

function failsWith(promise: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(promise, (error) => error instanceof KeysideError && error.reason === reason);
}

describe('the bulk pool', () => {
  for (const size of [MIB, MIB + 1, 3 * MIB + 17]) {
    it(`seals ${size} bytes to the bytes of the cipher, behind the headroom, and opens them again`, async (t) => {
      const { pool } = new Watched(t);
      const sealed = (await pool.run(job('seal', plaintextOf(size), 13), NEVER)) as Uint8Array;
      assert.ok(Buffer.from(sealed.subarray(13)).equals(sealedHere(plaintextOf(size))));
      assert.deepEqual([...sealed.subarray(0, 13)], Array(13).fill(0));
      const opened = (await pool.run(job('open', sealed.subarray(13)), NEVER)) as Uint8Array;
      assert.ok(Buffer.from(opened).equals(plaintextOf(size)));
    });
  }

  it('does not open what was altered, and goes on', async (t) => {
    const { pool, started } = new Watched(t);
    const sealed = sealedHere(plaintextOf(MIB));
    sealed.writeUInt8(sealed.readUInt8(MIB) ^ 1, MIB);
    assert.equal(await pool.run(job('open', sealed), NEVER), undefined);
    sealed.writeUInt8(sealed.readUInt8(MIB) ^ 1, MIB);
    assert.ok(await pool.run(job('open', sealed), NEVER));
    assert.equal(started.length, 1);
  });

  it('starts no worker before there is work, and no more than it may', async (t) => {
    const { pool, started } = new Watched(t, 2);
    assert.equal(pool.size, 0);
    await pool.run(job('seal', plaintextOf(MIB)), NEVER);
    await pool.run(job('seal', plaintextOf(MIB)), NEVER);
    assert.equal(started.length, 1);
    const inputs = [1, 2, 3, 4].map((size) => plaintextOf(size * MIB));
    const outputs = await Promise.all(inputs.map((input) => pool.run(job('seal', input), NEVER)));
    for (const [at, output] of outputs.entries()) {
      assert.ok(Buffer.from(output as Uint8Array).equals(sealedHere(inputs[at] as Buffer)), `job ${at}`);
    }
    assert.equal(started.length, 2);
  });

  it('takes large values only, and two for each worker at a time', async (t) => {
    const { pool } = new Watched(t);
    assert.equal(pool.takes(MIB - 1), false);
    const jobs = [0, 1].map(() => {
      assert.equal(pool.takes(MIB), true);
      return pool.run(job('seal', plaintextOf(MIB)), NEVER);
    });
    assert.equal(pool.takes(MIB), false);
    await assert.rejects(pool.run(job('seal', plaintextOf(MIB)), NEVER), /where none was taken/);
    await Promise.all(jobs);
    assert.equal(pool.takes(MIB), true);
  });

  it('has no worker where the cores are few or the cipher is native, and two at most', () => {
    const cores = [1, 2, 3, 4, 64];
    assert.deepEqual(
      cores.map((each) => bulkWorkers('node', each)),
      [0, 0, 2, 2, 2],
    );
    assert.deepEqual(
      cores.map((each) => bulkWorkers('native', each)),
      [0, 0, 0, 0, 0],
    );
    assert.equal(new BulkPool({ workers: 0 }).takes(64 * MIB), false);
  });
});

describe('the bulk pool, where a worker ends in the middle of a job', () => {
  it('fails that job alone, does the one that waits, and has its size again', async (t) => {
    const watched = new Watched(t);
    const { pool, started } = watched;
    await pool.run(job('seal', plaintextOf(MIB)), NEVER);
    const lost = pool.run(job('seal', plaintextOf(48 * MIB)), NEVER);
    const next = pool.run(job('seal', plaintextOf(MIB)), NEVER);
    const failure = failsWith(lost, 'INTERNAL');
    await watched.crash();
    await failure;
    assert.ok(Buffer.from((await next) as Uint8Array).equals(sealedHere(plaintextOf(MIB))));
    assert.deepEqual([started.length, pool.size, pool.takes(MIB)], [2, 1, true]);
  });

  it('replaces one that ended between two jobs', async (t) => {
    const watched = new Watched(t);
    const { pool } = watched;
    await pool.run(job('seal', plaintextOf(MIB)), NEVER);
    await watched.crash();
    assert.equal(pool.size, 0);
    assert.ok(await pool.run(job('seal', plaintextOf(MIB)), NEVER));
  });

  it('takes nothing more where workers end again and again without a result', async (t) => {
    const broken = new URL('data:text/javascript,throw new Error("broken")');
    const { pool, started } = new Watched(t, 1, broken);
    for (let crash = 1; crash <= 3; crash++) {
      assert.equal(pool.takes(MIB), true);
      await failsWith(pool.run(job('seal', plaintextOf(MIB)), NEVER), 'INTERNAL');
      assert.equal(started.length, crash);
    }
    assert.equal(pool.takes(MIB), false);
  });

  it('fails a job whose worker cannot be started, and does the next', async (t) => {
    let isFirst = true;
    const start = (): Worker => {
      if (isFirst) {
        isFirst = false;
        throw new Error('no thread');
      }
      return new Worker(WORKER);
    };
    const pool = new BulkPool({ workers: 1, start });
    t.after(() => pool.close());
    await failsWith(pool.run(job('seal', plaintextOf(MIB)), NEVER), 'INTERNAL');
    assert.ok(await pool.run(job('seal', plaintextOf(MIB)), NEVER));
  });
});

describe('the bulk pool, where a job is no longer wanted', () => {
  const cancelled = new KeysideError('CANCELLED', 'the caller cancelled the call');

  it('drops one that waits, and does the others', async (t) => {
    const { pool } = new Watched(t);
    const first = pool.run(job('seal', plaintextOf(MIB)), NEVER);
    const abort = new AbortController();
    const second = pool.run(job('seal', plaintextOf(MIB)), abort.signal);
    const failure = failsWith(second, 'CANCELLED');
    abort.abort(cancelled);
    assert.equal(pool.takes(MIB), true);
    await failure;
    assert.ok(await first);
    assert.ok(await pool.run(job('seal', plaintextOf(MIB)), NEVER));
  });

  it('answers at once where it runs, and the worker serves the next one', async (t) => {
    const { pool, started } = new Watched(t);
    const abort = new AbortController();
    const failure = failsWith(pool.run(job('seal', plaintextOf(MIB)), abort.signal), 'CANCELLED');
    abort.abort(cancelled);
    await failure;
    assert.ok(await pool.run(job('seal', plaintextOf(MIB)), NEVER));
    assert.equal(started.length, 1);
  });

  it('begins nothing for a signal that has fired', async (t) => {
    const { pool } = new Watched(t);
    await failsWith(pool.run(job('seal', plaintextOf(MIB)), AbortSignal.abort(cancelled)), 'CANCELLED');
    assert.equal(pool.size, 0);
  });

  it('fails all jobs when it is closed, and takes no more', async (t) => {
    const { pool } = new Watched(t);
    const failures = [0, 1].map(() => failsWith(pool.run(job('seal', plaintextOf(MIB)), NEVER), 'DRAINING'));
    await pool.close();
    await Promise.all(failures);
    assert.deepEqual([pool.size, pool.takes(MIB)], [0, false]);
    await pool.close();
  });
});
