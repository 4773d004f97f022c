import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { type EpochScope, Epochs } from '../../../src/keys/epochs.ts';

const acme = parseTenantId('acme');
const globex = parseTenantId('globex');
const [main, old] = [parseKeyConfigurationId('main'), parseKeyConfigurationId('old')];

describe('the epoch of a call', () => {
  const scope: EpochScope = { tenantId: acme, configurationIds: [main, old] };
  const cases: { name: string; input: (epochs: Epochs) => void; want: boolean }[] = [
    { name: 'its tenant is dropped', input: (epochs) => epochs.tenantDropped(acme), want: true },
    { name: 'one of its configurations is dropped', input: (epochs) => epochs.configurationDropped(old), want: true },
    { name: 'everything is dropped', input: (epochs) => epochs.allDropped(), want: true },
    { name: 'another tenant is dropped', input: (epochs) => epochs.tenantDropped(globex), want: false },
    {
      name: 'another configuration is dropped',
      input: (epochs) => epochs.configurationDropped(parseKeyConfigurationId('other')),
      want: false,
    },
  ];
  for (const { name, input, want } of cases) {
    it(`${want ? 'ends' : 'goes on'} where ${name}`, () => {
      const epochs = new Epochs();
      const before = epochs.current(scope);
      input(epochs);
      assert.equal(epochs.current(scope) !== before, want);
    });
  }

  it('never comes back, whatever is dropped in whatever order', () => {
    const epochs = new Epochs();
    const seen = new Set([epochs.current(scope)]);
    for (let at = 0; at < 100; at++) {
      if (at % 3 === 0) epochs.tenantDropped(acme);
      else epochs.configurationDropped(at % 2 === 0 ? main : old);
      seen.add(epochs.current(scope));
    }
    assert.equal(seen.size, 101);
  });
});
