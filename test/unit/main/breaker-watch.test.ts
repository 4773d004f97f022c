import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTenantId } from '../../../src/core/ids.ts';
import type { KeyBreaker } from '../../../src/kms/registry.ts';
import { BreakerWatch } from '../../../src/main/breaker-watch.ts';
import { TenantDirectory } from '../../../src/tenants/directory.ts';
import type { KeyConfiguration } from '../../../src/tenants/tenant.ts';
import { keyConfiguration, tenantContent } from '../../fakes/tenants.ts';

const SHARED = keyConfiguration('vendor-default', { isVendorDefault: true });

/** With these keys in use. */
function watching(breakers: readonly KeyBreaker[]) {
  const tenants = new TenantDirectory();
  const watch = new BreakerWatch(tenants, { breakers: () => [...breakers] });
  return {
    /** The tenants with these keys; those without any are removed. */
    configure(keysOf: Readonly<Record<string, readonly KeyConfiguration[]>>) {
      const entries = Object.entries(keysOf);
      tenants.apply({
        changed: entries.filter(([, keys]) => keys.length > 0).map(([id, keys]) => tenantContent(id, { keys })),
        removed: entries.filter(([, keys]) => keys.length === 0).map(([id]) => parseTenantId(id)),
      });
    },
    /** `provider tenant`, and `open` where it is. */
    told: () =>
      watch.states().map(({ provider, tenantId, isOpen }) => `${provider} ${tenantId ?? 'nobody'}${isOpen ? ' open' : ''}`),
  };
}

const breaker = (id: string, isOpen = true): KeyBreaker => ({ id, provider: 'aws', isOpen });

describe('the watch over breakers', () => {
  it('tells of every key in use whose it is', () => {
    const { configure, told } = watching([
      breaker('acme-main', false),
      { ...breaker('acme-old'), provider: 'gcp' },
      breaker('globex-main'),
    ]);
    configure({ acme: [keyConfiguration('acme-main'), keyConfiguration('acme-old')], globex: [keyConfiguration('globex-main')] });
    assert.deepEqual(told(), ['aws acme', 'gcp acme open', 'aws globex open']);
  });

  it("tells of a vendor's default key as nobody's, as long as any tenant has it", () => {
    const { configure, told } = watching([breaker('vendor-default')]);
    assert.deepEqual(told(), []);
    configure({ acme: [SHARED], globex: [SHARED] });
    assert.deepEqual(told(), ['aws nobody open']);
    configure({ acme: [keyConfiguration('acme-main')] });
    assert.deepEqual(told(), ['aws nobody open']);
    configure({ globex: [] });
    assert.deepEqual(told(), []);
  });

  it('tells of no key that nobody may ask: its breaker would stay open', () => {
    const { configure, told } = watching([breaker('acme-main'), breaker('globex-main')]);
    configure({ acme: [keyConfiguration('acme-main')], globex: [keyConfiguration('globex-main')] });
    assert.deepEqual(told(), ['aws acme open', 'aws globex open']);
    configure({ acme: [keyConfiguration('acme-main', { state: 'disabled' })], globex: [] });
    assert.deepEqual(told(), []);
    configure({ acme: [keyConfiguration('acme-main', { state: 'primary' })] });
    assert.deepEqual(told(), ['aws acme open']);
  });

  it('follows a key that goes from one tenant to another, whichever of the two is told first', () => {
    const { configure, told } = watching([breaker('main')]);
    configure({ acme: [keyConfiguration('main')], globex: [keyConfiguration('globex-old')] });
    configure({ globex: [keyConfiguration('main')], acme: [keyConfiguration('acme-new')] });
    assert.deepEqual(told(), ['aws globex open']);
    configure({ globex: [keyConfiguration('globex-new')], acme: [keyConfiguration('main')] });
    assert.deepEqual(told(), ['aws acme open']);
  });
});
