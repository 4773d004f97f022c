import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace, paceOf } from '../../../src/service/pace.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { refused } from '../../fakes/refused.ts';
import { World } from '../../fakes/world.ts';
import { decryptFor, encryptFor } from './documents.ts';

/** How often others have their turn while `work` goes on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function count() {
    turns += 1;
    next = setImmediate(count);
  });
  await work();
  clearImmediate(next);
  return turns;
}

describe('the pace of a call', () => {
  const works: { name: string; bytes: number; fields: number }[] = [
    { name: 'one large field', bytes: 256 * 1024, fields: 1 },
    { name: 'a few middling fields', bytes: 64 * 1024, fields: 4 },
    { name: '128 fields of nothing', bytes: 0, fields: 128 },
  ];
  for (const { name, bytes, fields } of works) {
    it(`is due for a rest after ${name}, and not before`, async () => {
      const pace = new Pace(new FakeCallScope());
      for (let at = 1; at < fields; at++) assert.ok(!pace.isDueAfterField(bytes), `field ${at}`);
      assert.ok(pace.isDueAfterField(bytes));
      await pace.rest();
      assert.ok(!pace.isDueAfterDocument(), 'rested');
    });
  }

  it('is one for the whole call: middling documents of a batch add up', () => {
    const [scope, other] = [new FakeCallScope(), new FakeCallScope()];
    assert.equal(paceOf(scope), paceOf(scope));
    assert.notEqual(paceOf(scope), paceOf(other));
  });

  it('ends the work of a call that ended during the rest', async () => {
    const scope = new FakeCallScope();
    const rest = new Pace(scope).rest();
    scope.passDeadline();
    await refused(rest, 'DEADLINE_EXCEEDED');
  });

  it('lets others have their turn among 2,000 small fields, encrypting and decrypting', async () => {
    const world = new World();
    const plain = new Map(Array.from({ length: 2_000 }, (_, at) => [String(at), Buffer.of(1)]));
    await encryptFor(world, {}); // the lease is there
    const { fields, edek } = await encryptFor(world, { fields: plain });
    const turns = [
      await turnsDuring(() => encryptFor(world, { fields: plain })),
      await turnsDuring(() => encryptFor(world, { fields: plain, edek })),
      await turnsDuring(() => decryptFor(world, { fields, edek })),
    ];
    assert.ok(
      turns.every((count) => count >= 14),
      `${turns} turns`,
    );
  });
});
