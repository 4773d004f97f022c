import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { EncryptResponse } from '../../../src/gen/keyside/v1/crypto.ts';
import type { Benchmark } from '../benchmark.ts';
import { stream } from '../bulk.ts';
import { ENCRYPT, encryptRequest, storedRequest } from '../documents.ts';
import { ensureH2load, post } from '../load.ts';
import { CHUNK_MESSAGE, ENCRYPT_OPENING, ENCRYPT_STREAM } from '../objects.ts';
import { ECHO, ECHO_STREAM } from '../peers.ts';
import { startTarget, type Target } from '../target.ts';

const SMALL_CALLS = 10_000;
const BULK_BYTES = 4 * 1_024 * 1_024;
const BETWEEN_DOCUMENTS_MS = 150;
const BETWEEN_CHUNKS_MS = 15;
const BULK = encryptRequest('acme', new Map([['file', Buffer.alloc(BULK_BYTES, 'bulk')]]));

export const mixed: Benchmark = {
  figures: {
    mixed_p99: {
      what: 'p99 of Encrypt of the document, 4 in flight, beside calls of 4 MiB and a stream at a fixed pace / beside an echo of the same bytes at the same pace',
      goal: { atMost: 1.2 },
    },
  },
  async prepare({ share }, stack) {
    await ensureH2load();
    const target = await startTarget(stack);
    await storedRequest(target);
    const { fields } = EncryptResponse.decode(await target.call(ENCRYPT, BULK));
    assert.ok((fields.get('file') as Uint8Array).length > BULK_BYTES);
    const small = { path: ENCRYPT, request: encryptRequest(), requests: Math.round(SMALL_CALLS * share), inFlight: 4 };
    const p99 = async (kind: 'ours' | 'echo'): Promise<number> => {
      const stop = new AbortController();
      const bulk = Promise.all([bulkCalls(target, kind, stop.signal), bulkStream(target, kind, stop.signal)]);
      try {
        return (
          await Promise.race([
            post(target, { ...small, isPeer: kind === 'echo' }),
            bulk.then(() => Promise.reject(new Error('the bulk load ended'))),
          ])
        ).p99Us;
      } finally {
        stop.abort();
        await bulk;
      }
    };
    return async () => {
      const [ours, peer] = [await p99('ours'), await p99('echo')];
      await target.assertAllOk();
      return { mixed_p99: ours / peer };
    };
  },
};

async function bulkCalls(target: Target, kind: 'ours' | 'echo', signal: AbortSignal): Promise<void> {
  const call = (): Promise<Buffer> => (kind === 'ours' ? target.call(ENCRYPT, BULK) : target.call(ECHO, BULK, target.echo));
  for (const at = paced(BETWEEN_DOCUMENTS_MS); !signal.aborted; await at()) await call();
}

async function bulkStream(target: Target, kind: 'ours' | 'echo', signal: AbortSignal): Promise<void> {
  async function* messages(): AsyncGenerator<Buffer> {
    if (kind === 'ours') yield ENCRYPT_OPENING;
    for (const at = paced(BETWEEN_CHUNKS_MS); !signal.aborted; await at()) yield CHUNK_MESSAGE;
  }
  const [client, path] = kind === 'ours' ? [target.client, ENCRYPT_STREAM] : [target.echo, ECHO_STREAM];
  await stream(client, { path, messages: messages(), onAnswer: () => undefined });
}

/** Waits each time until the next multiple of the interval since the start; who is late does not wait and catches up. */
function paced(intervalMs: number): () => Promise<void> {
  let nextMs = performance.now();
  return async () => {
    nextMs += intervalMs;
    await pause(Math.max(0, nextMs - performance.now()));
  };
}
