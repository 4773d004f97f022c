import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOrder } from '../../../../src/cli/doctor/in-order.ts';

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

describe('mapping in order', () => {
  it('yields in the order of the items, however long each takes', async () => {
    const turns = async (count: number): Promise<number> => {
      for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
      return count;
    };
    assert.deepEqual(await collect(inOrder([50, 1, 20, 0], 2, turns)), [50, 1, 20, 0]);
  });

  it('never runs more at once than the limit, and as many as it allows', async () => {
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    };
    await collect(inOrder(Array.from({ length: 100 }), 16, work));
    assert.equal(most, 16);
  });

  it('goes on behind a slow one', async () => {
    const slow = Promise.withResolvers<void>();
    const done: number[] = [];
    const results = collect(
      inOrder([0, 1, 2, 3, 4], 2, async (item) => {
        if (item === 0) await slow.promise;
        done.push(item);
        if (item === 4) slow.resolve();
      }),
    );
    await results;
    assert.deepEqual(done, [1, 2, 3, 4, 0]);
  });

  it('yields nothing for nothing', async () => assert.deepEqual(await collect(inOrder([], 16, async () => 1)), []));
});
