import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeCallScope } from '../fakes/call-scope.ts';
import { settled } from '../fakes/kms-timer.ts';
import { labelPolicy } from '../fakes/tenants.ts';
import { World } from '../fakes/world.ts';
import { checkAsync } from './runs.ts';

const RUNS = 40;

interface Step {
  readonly passMs: number;
  /** The sizes of the documents that are written at the same time. */
  readonly documents: readonly number[];
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ passMs: fc.nat(400), documents: fc.array(fc.nat(300), { maxLength: 6 }) }),
  { minLength: 1, maxLength: 20 },
);

const limits = fc.record({
  leaseTtlMs: fc.integer({ min: 100, max: 2_000 }),
  leaseMaxDocuments: fc.integer({ min: 1, max: 8 }),
  leaseMaxBytes: fc.integer({ min: 1, max: 1_000 }),
});

interface Use {
  readonly atMs: number;
  readonly bytes: number;
}

describe('whatever is written when', () => {
  it('no lease serves more documents, more bytes or longer than policy allows, save one document larger than a lease', async () => {
    await checkAsync(
      fc.asyncProperty(limits, steps, async (limit, schedule) => {
        const world = new World();
        const policy = labelPolicy(limit);
        const uses = new Map<string, Use[]>();
        const write = async (bytes: number): Promise<void> => {
          const tenant = world.tenant();
          const [configuration] = tenant.keys;
          assert.ok(configuration);
          const request = { tenant, target: [[configuration]] as const, declaredLabel: undefined, policy, bytes };
          using dataKey = (await world.ring.writer.take(request, new FakeCallScope())).dataKey;
          const name = Buffer.from(dataKey.expose()).toString('hex');
          uses.set(name, [...(uses.get(name) ?? []), { atMs: world.timer.nowMs(), bytes }]);
        };
        for (const { passMs, documents } of schedule) {
          await world.timer.advance(passMs);
          await Promise.all(documents.map(write));
          await settled();
        }
        for (const all of uses.values()) {
          assert.ok(all.length <= limit.leaseMaxDocuments, `${all.length} documents`);
          const total = all.reduce((sum, { bytes }) => sum + bytes, 0);
          assert.ok(
            total <= limit.leaseMaxBytes || all.length === 1 || all.slice(1).every(({ bytes }) => bytes === 0),
            `${total} bytes`,
          );
          const lastedMs = (all.at(-1)?.atMs ?? 0) - (all[0]?.atMs ?? 0);
          assert.ok(lastedMs < limit.leaseTtlMs, `${lastedMs} ms`);
        }
      }),
      RUNS,
    );
  });
});
