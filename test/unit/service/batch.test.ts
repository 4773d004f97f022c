import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { eachItem } from '../../../src/service/batch.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const failure = new KeysideError('KMS_UNAVAILABLE', 'not reached');

describe('a batch', () => {
  it('gives every item its own outcome, in the order of the items, whatever they take', async () => {
    const outcomes = await eachItem(
      numbers(100),
      async (item) => {
        for (let turns = 0; turns < item % 5; turns++) await settled();
        if (item % 10 === 3) throw failure;
        return item * 2;
      },
      new FakeCallScope(),
    );
    assert.deepEqual(
      outcomes,
      numbers(100).map((item) => (item % 10 === 3 ? { error: failure } : { value: item * 2 })),
    );
  });

  it('has no outcomes where there are no items', async () => {
    assert.deepEqual(await eachItem([], async () => 1, new FakeCallScope()), []);
  });

  it('lets no more than 16 items wait at a time', async () => {
    let [waiting, most] = [0, 0];
    await eachItem(
      numbers(64),
      async () => {
        waiting += 1;
        most = Math.max(most, waiting);
        await settled();
        waiting -= 1;
      },
      new FakeCallScope(),
    );
    assert.equal(most, 16);
  });

  const faults: { name: string; error: unknown }[] = [
    { name: 'what is no error of ours', error: new TypeError('undefined is not a function') },
    { name: 'INTERNAL', error: new KeysideError('INTERNAL', 'key acme-main: its provider failed') },
  ];
  for (const { name, error } of faults) {
    it(`ends as a whole in ${name}, and works no further: a fault is no outcome of an item`, async () => {
      let done = 0;
      const work = async (item: number): Promise<void> => {
        done += 1;
        await settled();
        if (item === 20) throw error;
      };
      await assert.rejects(eachItem(numbers(500), work, new FakeCallScope()), (thrown) => thrown === error);
      const atEnd = done;
      for (let turns = 0; turns < 10; turns++) await settled();
      assert.ok(atEnd < 100, `${atEnd} items were begun`);
      assert.equal(done, atEnd);
    });
  }

  for (const how of ['cancel', 'passDeadline'] as const) {
    it(`ends with the call: ${how}`, async () => {
      const scope = new FakeCallScope();
      let done = 0;
      const batch = eachItem(
        numbers(1_000),
        async () => {
          done += 1;
          await settled();
        },
        scope,
      );
      await settled();
      scope[how]();
      await refused(batch, how === 'cancel' ? 'CANCELLED' : 'DEADLINE_EXCEEDED');
      assert.ok(done <= 48, `${done} items were begun`);
    });
  }

  it('gives other calls a turn after 25 to 40 documents that are done at once', async () => {
    let turns = 0;
    const other = setImmediate(function count() {
      turns += 1;
      again = setImmediate(count);
    });
    let again = other;
    await eachItem(numbers(1_000), async (item) => item, new FakeCallScope());
    clearImmediate(again);
    assert.ok(turns >= 1_000 / 42 && turns <= 1_000 / 25, `${turns} turns`);
  });
});
