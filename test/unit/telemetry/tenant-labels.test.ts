import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BusiestTenants, HIDDEN_TENANTS } from '../../../src/telemetry/tenant-labels.ts';
import { FakeClock } from './fake-clock.ts';

const WINDOW_MS = 60_000;

function busiest(places: number) {
  const clock = new FakeClock();
  return { clock, labels: new BusiestTenants({ clock, places, windowMs: WINDOW_MS }) };
}

function countMany(labels: BusiestTenants, tenantId: string, requests: number): void {
  for (let index = 0; index < requests; index += 1) labels.count(tenantId);
}

test('with no more tenants than places each has its own label from its first request on, for good', () => {
  const { clock, labels } = busiest(2);
  assert.equal(labels.count('a'), 'a');
  assert.equal(labels.count('b'), 'b');
  for (let window = 0; window < 20; window += 1) {
    clock.advance(WINDOW_MS);
    assert.equal(labels.count('a'), 'a');
  }
  assert.equal(labels.labelOf('b'), 'b');
});

test('a tenant beyond the places is other until the next ranking, and then the busiest has its label', () => {
  const { clock, labels } = busiest(2);
  labels.count('a');
  labels.count('b');
  countMany(labels, 'c', 100);
  assert.equal(labels.count('c'), 'other');
  clock.advance(WINDOW_MS);
  assert.equal(labels.count('c'), 'c');
  assert.deepEqual([...labels.labelled].sort(), ['a', 'c']);
});

test('a holder ranked within twice the places keeps its label against a slightly busier tenant', () => {
  const { clock, labels } = busiest(2);
  for (const [tenantId, requests] of [
    ['a', 100],
    ['b', 50],
    ['c', 51],
  ] as const)
    countMany(labels, tenantId, requests);
  clock.advance(WINDOW_MS);
  labels.count('a');
  assert.equal(labels.labelOf('b'), 'b');
  assert.equal(labels.labelOf('c'), 'other');
});

test('a holder ranked beyond twice the places loses its label', () => {
  const { clock, labels } = busiest(2);
  labels.count('a');
  labels.count('b');
  for (const tenantId of ['c', 'd', 'e', 'f']) countMany(labels, tenantId, 50);
  clock.advance(WINDOW_MS);
  labels.count('c');
  assert.equal(labels.labelOf('a'), 'other');
  assert.equal(labels.labelOf('b'), 'other');
  assert.equal(labels.labelled.size, 2);
});

test('the past fades: a tenant that was busy once gives way to one that is busy now', () => {
  const { clock, labels } = busiest(1);
  countMany(labels, 'old', 1000);
  for (let window = 0; window < 8; window += 1) {
    countMany(labels, 'new', 100);
    clock.advance(WINDOW_MS);
  }
  assert.equal(labels.count('new'), 'new');
  assert.equal(labels.labelOf('old'), 'other');
});

test('with no places every tenant is other and nothing is counted', () => {
  const { labels } = busiest(0);
  assert.equal(labels.count('a'), 'other');
  assert.equal(labels.labelOf('a'), 'other');
  assert.equal(labels.counters, 0);
});

test('where there is no tenant the label is none', () => {
  assert.equal(busiest(3).labels.count(undefined), 'none');
  assert.equal(busiest(3).labels.labelOf(undefined), 'none');
});

test('asking for a label counts nothing and takes no place', () => {
  const { labels } = busiest(3);
  assert.equal(labels.labelOf('a'), 'other');
  assert.equal(labels.counters, 0);
});

test('hidden tenants are all, or none where there is none', () => {
  assert.equal(HIDDEN_TENANTS.count('acme'), 'all');
  assert.equal(HIDDEN_TENANTS.labelOf('acme'), 'all');
  assert.equal(HIDDEN_TENANTS.count(undefined), 'none');
});

test('100,000 tenants take no more memory than a few, and one that is busier than all is labelled', () => {
  const { clock, labels } = busiest(50);
  for (let window = 0; window < 2; window += 1) {
    for (let index = 0; index < 100_000; index += 1) {
      labels.count(`tenant-${index}`);
      if (index % 100 === 0) labels.count('busy');
    }
    clock.advance(WINDOW_MS);
  }
  assert.equal(labels.count('busy'), 'busy');
  assert.ok(labels.counters <= 400);
  assert.equal(labels.labelled.size, 50);
});

const step = fc.record({ tenant: fc.integer({ min: 0, max: 400 }), advanceMs: fc.constantFrom(0, 0, 0, 0, 1000, WINDOW_MS) });

test('property: at any instant at most as many tenants are labelled as there are places, and counters are bounded', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.array(step, { maxLength: 600 }), (places, steps) => {
      const { clock, labels } = busiest(places);
      for (const { tenant, advanceMs } of steps) {
        clock.advance(advanceMs);
        const tenantId = `t${tenant}`;
        const label = labels.count(tenantId);
        assert.ok(label === tenantId || label === 'other');
        assert.equal(labels.labelOf(tenantId), label);
        assert.ok(labels.labelled.size <= places);
        assert.ok(labels.counters <= 256);
      }
    }),
    { numRuns: 200 },
  );
});

/** Other tenants' requests in one window, and how many of the busy tenant's come with each of them. */
const traffic = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 50, maxLength: 400 });

test('property: a tenant that is persistently the busiest is labelled from the second ranking on, whoever held the places', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(traffic, { minLength: 3, maxLength: 5 }), (places, windows) => {
      const { clock, labels } = busiest(places);
      for (let index = 0; index < places; index += 1) labels.count(`first${index}`);
      windows.forEach((others, window) => {
        const requestsOf = Map.groupBy(others, (tenant) => tenant);
        const mostOfOthers = Math.max(...Array.from(requestsOf.values(), ({ length }) => length));
        // Short by at most 1 / 257 of all requests: beyond that a lead is certain to show. Twice the others' most, since they may have a past.
        const requests = 2 * mostOfOthers + Math.ceil(others.length / 64) + 8;
        others.forEach((tenant, index) => {
          labels.count(`t${tenant}`);
          if (index % Math.ceil(others.length / requests) === 0) labels.count('busy');
        });
        countMany(labels, 'busy', requests);
        clock.advance(WINDOW_MS);
        if (window >= 1) assert.equal(labels.count('busy'), 'busy');
      });
    }),
    { numRuns: 100 },
  );
});
