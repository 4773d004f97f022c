import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTenantId } from '../../../src/core/ids.ts';
import type { CachedDataKey } from '../../../src/keys/data-key-cache.ts';
import { isRefreshDue, noteAttempt, noteRefusal, serves } from '../../../src/keys/entry-lifetime.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';
import { labelPolicy } from '../../fakes/tenants.ts';

const POLICY = labelPolicy({ cacheTtlMs: 10_000, outageLimitMs: 100_000 });

/** Proven at 0, kept for the outage limit. */
function entryOf(change: Partial<CachedDataKey> = {}): CachedDataKey {
  const rest = { tenantId: parseTenantId('acme'), openedBy: [], provenAtMs: 0, keepUntilMs: 100_000 };
  return { dataKey: dataKeyOf(1), ...rest, unreachableAtMs: undefined, ...change };
}

describe('the lifetime of a data key for reading', () => {
  const uses: {
    name: string;
    entry?: Partial<CachedDataKey>;
    nowMs: number;
    maxAgeMs?: number;
    isAsked?: boolean;
    want: boolean;
  }[] = [
    { name: 'within ttl', nowMs: 9_999, want: true },
    { name: 'at ttl', nowMs: 10_000, want: false },
    {
      name: 'at ttl, while an attempt is in the air that nobody knows the outcome of',
      nowMs: 10_000,
      isAsked: true,
      want: false,
    },
    { name: 'past ttl, the KMS just seen to be unreachable', entry: { unreachableAtMs: 9_000 }, nowMs: 13_999, want: true },
    {
      name: 'past ttl, the KMS seen to be unreachable a while ago',
      entry: { unreachableAtMs: 9_000 },
      nowMs: 14_000,
      want: false,
    },
    {
      name: 'past ttl, an attempt of an outage in the air',
      entry: { unreachableAtMs: 9_000 },
      nowMs: 14_000,
      isAsked: true,
      want: true,
    },
    { name: 'just before the outage limit', entry: { unreachableAtMs: 99_000 }, nowMs: 99_999, want: true },
    { name: 'at the outage limit', entry: { unreachableAtMs: 99_000 }, nowMs: 100_000, isAsked: true, want: false },
    {
      name: 'past what a refusal left of its time',
      entry: { unreachableAtMs: 11_000, keepUntilMs: 10_000 },
      nowMs: 11_000,
      want: false,
    },
    { name: 'within ttl and beyond what its use allows', nowMs: 5_000, maxAgeMs: 5_000, want: false },
    {
      name: 'in an outage and beyond what its use allows',
      entry: { unreachableAtMs: 20_000 },
      nowMs: 20_000,
      maxAgeMs: 20_000,
      want: false,
    },
  ];
  for (const { name, entry, nowMs, maxAgeMs = Number.POSITIVE_INFINITY, isAsked = false, want } of uses) {
    it(`${want ? 'lasts' : 'is over'} ${name}`, () => {
      assert.equal(
        serves(entryOf(entry), { policy: POLICY, maxAgeMs, nowMs }, () => isAsked),
        want,
      );
    });
  }

  const refreshes: { name: string; entry?: Partial<CachedDataKey>; nowMs: number; want: boolean }[] = [
    { name: 'not before 80 % of ttl', nowMs: 7_999, want: false },
    { name: 'from 80 % of ttl on', nowMs: 8_000, want: true },
    { name: 'in an outage not within a second', entry: { unreachableAtMs: 8_000 }, nowMs: 8_999, want: false },
    { name: 'in an outage again after a second', entry: { unreachableAtMs: 8_000 }, nowMs: 9_000, want: true },
  ];
  for (const { name, entry, nowMs, want } of refreshes) {
    it(`is refreshed ${name}`, () => {
      assert.equal(isRefreshDue(entryOf(entry), POLICY, nowMs), want);
    });
  }

  it('takes what an attempt finds for true, and no longer what was seen long before it', () => {
    const fresh = entryOf({ unreachableAtMs: 10_000 });
    noteAttempt(fresh, 14_999);
    assert.equal(fresh.unreachableAtMs, 10_000);
    noteAttempt(fresh, 15_000);
    assert.equal(fresh.unreachableAtMs, undefined);
  });

  it('ends with ttl once the KMS refused, and never later than it would have', () => {
    const outage = entryOf({ unreachableAtMs: 10_000 });
    noteRefusal(outage, POLICY);
    assert.deepEqual([outage.unreachableAtMs, outage.keepUntilMs], [undefined, 10_000]);
    const short = entryOf({ keepUntilMs: 5_000 });
    noteRefusal(short, POLICY);
    assert.equal(short.keepUntilMs, 5_000);
  });
});
