import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { Groups, type HeldKey, HeldKeys } from '../../../src/keys/held-keys.ts';
import { dataKeyOf } from '../../fakes/key-blocks.ts';

const [acme, globex] = [parseTenantId('acme'), parseTenantId('globex')];
const id = parseKeyConfigurationId;

function heldOf(tenantId = acme, ...configurations: readonly string[]): HeldKey {
  const openedBy = configurations.map((configuration) => ({ configurationId: id(configuration), keyVersion: '1' }));
  return { dataKey: dataKeyOf(1), tenantId, openedBy };
}

function keysOf(entries: Readonly<Record<string, HeldKey>>, maxEntries = 100): HeldKeys<HeldKey> {
  const held = new HeldKeys<HeldKey>({ maxEntries, maxBytes: 2 ** 20, onCapacity: () => undefined });
  for (const [key, entry] of Object.entries(entries)) held.set(key, entry);
  return held;
}

describe('data keys in memory', () => {
  it("are dropped of a tenant or a configuration without looking at the others'", () => {
    const entries = {
      a: heldOf(acme, 'main'),
      b: heldOf(acme, 'old'),
      c: heldOf(globex, 'main'),
      d: heldOf(globex, 'main', 'old'),
    };
    const looked = (whose: Parameters<HeldKeys<HeldKey>['drop']>[0]): HeldKey[] => {
      const seen: HeldKey[] = [];
      keysOf(entries).drop(whose, (held) => {
        seen.push(held);
        return false;
      });
      return seen;
    };
    assert.deepEqual(looked({ tenantId: acme }), [entries.a, entries.b]);
    assert.deepEqual(looked({ configurationId: id('old') }), [entries.b, entries.d]);
    assert.equal(looked('all').length, 4);
    assert.deepEqual(looked({ tenantId: parseTenantId('nobody') }), []);
  });

  it('are zeroed and counted where they match, and gone from every group', () => {
    const entries = { a: heldOf(acme, 'main'), b: heldOf(acme, 'old') };
    const held = keysOf(entries);
    assert.equal(
      held.drop({ tenantId: acme }, ({ openedBy }) => openedBy[0]?.configurationId === id('main')),
      1,
    );
    assert.deepEqual([entries.a.dataKey.isWiped, entries.b.dataKey.isWiped, held.size], [true, false, 1]);
    assert.equal(
      held.drop({ configurationId: id('main') }, () => true),
      0,
    );
    assert.equal(
      held.drop('all', () => true),
      1,
    );
  });

  it('are found in their groups after one was replaced by one of other groups, and after they left for want of room', () => {
    const held = keysOf({ a: heldOf(acme, 'main') }, 2);
    held.set('a', heldOf(globex, 'old'));
    assert.equal(
      held.drop({ tenantId: acme }, () => true),
      0,
    );
    held.set('b', heldOf(acme, 'main'));
    held.set('c', heldOf(acme, 'main'));
    assert.equal(
      held.drop({ tenantId: globex }, () => true),
      0,
      'a was the least recently used',
    );
    assert.equal(
      held.drop({ configurationId: id('main') }, () => true),
      2,
    );
  });
});

describe('groups of keys', () => {
  it('have the members that were added and not removed', () => {
    const groups = new Groups<string>();
    groups.add('g', 'a');
    groups.add('g', 'a');
    groups.add('g', 'b');
    groups.remove('g', 'c');
    groups.remove('h', 'a');
    assert.deepEqual(groups.of('g'), ['a', 'b']);
    groups.remove('g', 'a');
    groups.remove('g', 'b');
    assert.deepEqual([groups.of('g'), groups.of('h')], [[], []]);
  });
});
