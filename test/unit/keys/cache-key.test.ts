import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTenantId } from '../../../src/core/ids.ts';
import { cacheKey } from '../../../src/keys/cache-key.ts';
import type { Tenant } from '../../../src/tenants/tenant.ts';
import { tenantContent } from '../../fakes/tenants.ts';

function keyOf(tenantId: string, generation: number, block: readonly number[]): string {
  const tenant: Tenant = { ...tenantContent('acme'), id: parseTenantId(tenantId), generation, servedFrom: undefined };
  return cacheKey(tenant, Uint8Array.from(block));
}

describe('the key of the cache', () => {
  it('is the same for the same tenant, generation and block', () => {
    assert.equal(keyOf('acme', 1, [1, 2, 3]), keyOf('acme', 1, [1, 2, 3]));
  });

  it('differs where anything differs, or only moves from one part to the next', () => {
    const keys = [
      keyOf('acme', 1, [1, 2, 3]),
      keyOf('acm', 1, [1, 2, 3]),
      keyOf('acme', 2, [1, 2, 3]),
      keyOf('acme', 1, [1, 2]),
      keyOf('acme', 1, [1, 2, 3, 0]),
      keyOf('acme', 1, [0, 1, 2, 3]),
      keyOf('acme1', 1, [1, 2, 3]),
      keyOf('acme', 11, [1, 2, 3]),
      keyOf('acme', 1, [0x31, 0, 1, 2, 3]),
      keyOf('acme', 1, []),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });
});
