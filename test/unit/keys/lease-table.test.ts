import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { encodeKeyBlock } from '../../../src/envelope/key-block.ts';
import { type Lease, LeaseTable } from '../../../src/keys/lease-table.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';
import { labelPolicy } from '../../fakes/tenants.ts';

const POLICY = labelPolicy({ leaseTtlMs: 1_000, leaseMaxDocuments: 10, leaseMaxBytes: 1_000 });

function leaseOf(change: Partial<Lease> = {}): Lease {
  const configurationId = parseKeyConfigurationId('acme-main');
  const wrap = { provider: 2, algorithm: 1, configurationId, keyVersion: '1', share: 0, shareCount: 0 };
  return {
    tenantId: parseTenantId('acme'),
    openedBy: [{ configurationId, keyVersion: '1' }],
    dataKey: dataKeyOf(1),
    keyBlock: encodeKeyBlock([{ ...wrap, ciphertext: Uint8Array.of(1) }]),
    provenAtMs: 0,
    ttlMs: POLICY.leaseTtlMs,
    documents: 0,
    bytes: 0,
    renewalTriedAtMs: undefined,
    ...change,
  };
}

function tableWith(lease: Lease): LeaseTable {
  const table = new LeaseTable(10);
  table.put('key', lease);
  return table;
}

describe('the table of leases', () => {
  const uses: { name: string; lease: Partial<Lease>; bytes: number; nowMs: number; want: boolean }[] = [
    { name: 'a fresh lease', lease: {}, bytes: 10, nowMs: 0, want: true },
    { name: 'a lease a millisecond before its end', lease: {}, bytes: 10, nowMs: 999, want: true },
    { name: 'no lease at its end', lease: {}, bytes: 10, nowMs: 1_000, want: false },
    {
      name: 'no lease that was proven too long ago, though never used',
      lease: { provenAtMs: -1_000 },
      bytes: 0,
      nowMs: 0,
      want: false,
    },
    {
      name: 'no lease beyond a shorter time that policy gives now',
      lease: { ttlMs: 5_000 },
      bytes: 10,
      nowMs: 1_000,
      want: false,
    },
    { name: 'a lease with room for one document', lease: { documents: 9 }, bytes: 10, nowMs: 0, want: true },
    { name: 'no lease that has served all its documents', lease: { documents: 10 }, bytes: 10, nowMs: 0, want: false },
    { name: 'a lease whose bytes just suffice', lease: { documents: 1, bytes: 900 }, bytes: 100, nowMs: 0, want: true },
    { name: 'no lease whose bytes do not suffice', lease: { documents: 1, bytes: 900 }, bytes: 101, nowMs: 0, want: false },
    { name: 'a fresh lease for a document larger than any lease', lease: {}, bytes: 5_000, nowMs: 0, want: true },
  ];
  for (const { name, lease, bytes, nowMs, want } of uses) {
    it(`gives ${name}`, () => {
      const held = leaseOf(lease);
      const { documents, bytes: before } = held;
      const taken = tableWith(held).take('key', { policy: POLICY, bytes, nowMs });
      assert.equal(taken, want ? held : undefined);
      assert.deepEqual([held.documents, held.bytes], want ? [documents + 1, before + bytes] : [documents, before]);
    });
  }

  it('gives nothing for a key it does not have', () => {
    assert.equal(tableWith(leaseOf()).take('another', { policy: POLICY, bytes: 1, nowMs: 0 }), undefined);
  });

  const renewals: { name: string; lease: Partial<Lease>; nowMs: number; want: boolean }[] = [
    { name: 'not before 80 % of its time', lease: {}, nowMs: 799, want: false },
    { name: 'from 80 % of its time on', lease: {}, nowMs: 800, want: true },
    { name: 'not before 80 % of its documents', lease: { documents: 7 }, nowMs: 0, want: false },
    { name: 'from 80 % of its documents on', lease: { documents: 8 }, nowMs: 0, want: true },
    { name: 'not before 80 % of its bytes', lease: { bytes: 799 }, nowMs: 0, want: false },
    { name: 'from 80 % of its bytes on', lease: { bytes: 800 }, nowMs: 0, want: true },
    { name: 'not again within a second', lease: { documents: 8, renewalTriedAtMs: 0 }, nowMs: 999, want: false },
    { name: 'again after a second', lease: { documents: 8, renewalTriedAtMs: 0 }, nowMs: 1_000, want: true },
  ];
  for (const { name, lease, nowMs, want } of renewals) {
    it(`has a lease renewed ${name}`, () => {
      const held = leaseOf(lease);
      assert.equal(tableWith(held).isRenewalDue(held, POLICY, nowMs), want);
    });
  }

  it('zeroes a lease that another one follows, that is dropped, and that is one too many', () => {
    const table = new LeaseTable(2);
    const [followed, follower, dropped, oldest, newest] = [leaseOf(), leaseOf(), leaseOf(), leaseOf(), leaseOf()];
    table.put('a', followed);
    table.put('a', follower);
    assert.deepEqual([followed.dataKey.isWiped, follower.dataKey.isWiped], [true, false]);
    table.put('b', dropped);
    assert.equal(
      table.drop('all', (lease) => lease === dropped),
      1,
    );
    assert.deepEqual([dropped.dataKey.isWiped, table.size], [true, 1]);
    table.put('c', oldest);
    table.take('a', { policy: POLICY, bytes: 1, nowMs: 0 });
    table.put('d', newest);
    assert.deepEqual(
      [follower, oldest, newest].map(({ dataKey }) => dataKey.isWiped),
      [false, true, false],
    );
  });
});
