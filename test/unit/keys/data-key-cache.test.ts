import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { type CachedDataKey, type CacheLimits, DataKeyCache } from '../../../src/keys/data-key-cache.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';

const ACME = parseTenantId('acme');
const GLOBEX = parseTenantId('globex');
const REFUSED = new KeysideError('KEY_ACCESS_DENIED', 'the KMS refuses');

function cacheOf(limits: Partial<CacheLimits> = {}): { cache: DataKeyCache; evicted: string[] } {
  const evicted: string[] = [];
  const all = { maxEntries: 100, maxBytes: 2 ** 20, negativeTtlMs: 1_000, ...limits };
  return { cache: new DataKeyCache(all, (eviction, count) => evicted.push(`${count} ${eviction}`)), evicted };
}

function entryOf(
  change: { tenantId?: CachedDataKey['tenantId']; openedBy?: readonly string[]; provenAtMs?: number } = {},
): CachedDataKey {
  const { tenantId = ACME, openedBy = ['main'], provenAtMs = 0 } = change;
  return {
    dataKey: dataKeyOf(1),
    tenantId,
    openedBy: openedBy.map((id) => ({ configurationId: parseKeyConfigurationId(id), keyVersion: '1' })),
    provenAtMs,
    keepUntilMs: provenAtMs + 60_000,
    unreachableAtMs: undefined,
  };
}

describe('the cache of data keys', () => {
  it('zeroes the least recently used entry where there are too many', () => {
    const { cache, evicted } = cacheOf({ maxEntries: 2 });
    const [a, b, c] = [entryOf(), entryOf(), entryOf()];
    cache.set('a', a);
    cache.set('b', b);
    cache.get('a');
    cache.set('c', c);
    assert.deepEqual(
      [a, b, c].map(({ dataKey }) => dataKey.isWiped),
      [false, true, false],
    );
    assert.equal(cache.get('b'), undefined);
    assert.deepEqual(evicted, ['1 capacity']);
  });

  it('zeroes entries where they hold too many bytes', () => {
    const { cache, evicted } = cacheOf({ maxBytes: 1_100 });
    const entries = [entryOf(), entryOf(), entryOf()];
    for (const [at, entry] of entries.entries()) cache.set(String(at), entry);
    assert.deepEqual(
      entries.map(({ dataKey }) => dataKey.isWiped),
      [true, false, false],
    );
    assert.equal(cache.bytes, 1_024);
    assert.deepEqual(evicted, ['1 capacity']);
  });

  it('holds one entry at least, however little memory it is given', () => {
    const { cache } = cacheOf({ maxBytes: 1 });
    const entry = entryOf();
    cache.set('a', entry);
    assert.equal(cache.get('a'), entry);
    assert.ok(!entry.dataKey.isWiped);
  });

  it('zeroes the entry that another one replaces, and calls that no eviction', () => {
    const { cache, evicted } = cacheOf();
    const [old, next] = [entryOf(), entryOf()];
    cache.set('a', old);
    cache.set('a', next);
    assert.ok(old.dataKey.isWiped);
    assert.ok(!next.dataKey.isWiped);
    assert.deepEqual(evicted, []);
    assert.equal(cache.size, 1);
  });

  it('drops what matches, zeroed, and counts it once', () => {
    const { cache, evicted } = cacheOf();
    const [mine, yours] = [entryOf(), entryOf({ tenantId: GLOBEX })];
    cache.set('mine', mine);
    cache.set('yours', yours);
    assert.equal(
      cache.drop('dropped', { tenantId: ACME }, () => true),
      1,
    );
    assert.ok(mine.dataKey.isWiped);
    assert.equal(cache.get('yours'), yours);
    assert.equal(
      cache.drop('dropped', { tenantId: ACME }, () => true),
      0,
    );
    assert.deepEqual(evicted, ['1 dropped']);
  });

  it("drops only what the configuration opened, of a shared key's entries all", () => {
    const { cache } = cacheOf();
    const entries = { a: entryOf(), b: entryOf({ openedBy: ['main', 'other'] }), c: entryOf({ openedBy: ['other'] }) };
    for (const [key, entry] of Object.entries(entries)) cache.set(key, entry);
    const dropped = cache.drop('revoked', { configurationId: parseKeyConfigurationId('main') }, () => true);
    assert.equal(dropped, 2);
    assert.deepEqual(
      Object.values(entries).map(({ dataKey }) => dataKey.isWiped),
      [true, true, false],
    );
    assert.equal(
      cache.drop('revoked', { configurationId: parseKeyConfigurationId('other') }, () => true),
      1,
    );
    assert.equal(cache.size, 0);
  });

  it('finds by configuration what was replaced by an entry of another configuration under the new one only', () => {
    const { cache } = cacheOf();
    cache.set('a', entryOf());
    cache.set('a', entryOf({ openedBy: ['other'] }));
    assert.equal(
      cache.drop('revoked', { configurationId: parseKeyConfigurationId('main') }, () => true),
      0,
    );
    assert.equal(
      cache.drop('revoked', { configurationId: parseKeyConfigurationId('other') }, () => true),
      1,
    );
  });

  it('remembers a refusal for its time, by its key', () => {
    const { cache } = cacheOf();
    cache.refuse('a', { error: REFUSED, tenantId: ACME }, 500);
    assert.equal(cache.refusal('a', 1_499), REFUSED);
    assert.equal(cache.refusal('b', 1_499), undefined);
    assert.equal(cache.refusal('a', 1_500), undefined);
    assert.equal(cache.refusal('a', 1_499), undefined, 'it is gone, not only over');
  });

  it('forgets a refusal where a data key is found after all, where its tenant is dropped, and where none shall be remembered', () => {
    const { cache } = cacheOf();
    for (const key of ['a', 'b']) cache.refuse(key, { error: REFUSED, tenantId: ACME }, 0);
    cache.refuse('c', { error: REFUSED, tenantId: GLOBEX }, 0);
    cache.set('a', entryOf());
    assert.equal(cache.refusal('a', 1), undefined);
    cache.forgetRefusals(ACME);
    assert.equal(cache.refusal('b', 1), undefined);
    assert.equal(cache.refusal('c', 1), REFUSED);
    const { cache: without } = cacheOf({ negativeTtlMs: 0 });
    without.refuse('a', { error: REFUSED, tenantId: ACME }, 0);
    assert.equal(without.refusal('a', 0), undefined);
  });

  it('bounds how many refusals it remembers', () => {
    const { cache } = cacheOf();
    for (let at = 0; at <= 10_000; at++) cache.refuse(String(at), { error: REFUSED, tenantId: ACME }, 0);
    assert.equal(cache.refusal('0', 1), undefined);
    assert.equal(cache.refusal('10000', 1), REFUSED);
  });

  it('knows the proof that is oldest', () => {
    const { cache } = cacheOf();
    assert.equal(cache.oldestProofMs(), undefined);
    cache.set('a', entryOf({ provenAtMs: 20 }));
    cache.set('b', entryOf({ provenAtMs: 10 }));
    assert.equal(cache.oldestProofMs(), 10);
  });
});
