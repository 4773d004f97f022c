import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FaultWorld } from '../faults/fault-world.ts';
import { Others } from '../faults/others.ts';
import { isSpared, playRound } from '../faults/round.ts';
import type { NetworkFault } from './toxiproxy.ts';

const PART_MS = 1_000;

const FAULTS: readonly NetworkFault[] = ['cut', 'slow', 'reset'];
/** For which calls may fail: a time-out only until the breaker opens. */
const REASONS: readonly string[] = ['KMS_UNAVAILABLE', 'KMS_TIMEOUT'];

const world = await FaultWorld.start();
if ('missing' in world) {
  it("one customer's outage", { skip: world.missing }, () => undefined);
} else {
  const others = new Others(world.daemon.tcp);
  after(async () => {
    await others.stop();
    await world.stop();
  });
  describe("one customer's outage (Toxiproxy before local-kms and OpenBao)", () => suite(world, others));
}

function suite(faults: FaultWorld, others: Others): void {
  for (const [at, fault] of FAULTS.entries()) {
    const victim = faults.tenants[at] as (typeof faults.tenants)[number];
    it(`${fault}: no call of the nine others fails, and the one tenant is spared and served again by itself`, async (t) => {
      const seen = await playRound(faults, others, { fault, victim, partMs: PART_MS });
      t.diagnostic(
        `${others.calls} calls of the others so far; of ${victim.id} (${victim.provider}) ${seen.during.length} in the fault`,
      );
      assert.deepEqual(others.failures, []);
      assert.ok(others.calls > 0, 'the others work');
      assert.deepEqual(new Set(seen.well.map(({ reason }) => reason)), new Set(['OK']));
      const failed = seen.during.filter(({ reason }) => reason !== 'OK');
      for (const { reason, sentence } of failed) assert.ok(REASONS.includes(reason), sentence);
      assert.ok(failed.some(isSpared), 'the breaker opens');
      const { calls, attempts } = seen.whileOpen;
      assert.ok(attempts * 4 < calls, `${calls} calls made ${attempts} attempts at the KMS although the breaker is open`);
    });
  }
}
