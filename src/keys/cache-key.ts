import { hash } from 'node:crypto';
import { ByteWriter } from '../core/byte-writer.ts';
import type { Tenant } from '../tenants/tenant.ts';

/**
 * The cache's key of a stored key block (docs/format.md, section 6): SHA-256 over tenant, configuration generation and the whole
 * block. A block relabelled with another tenant's or configuration's id never hits.
 */
export function cacheKey(tenant: Tenant, blockBytes: Uint8Array): string {
  const input = new ByteWriter(blockBytes.length + 192)
    .lp(tenant.id)
    .text(String(tenant.generation))
    .u8(0)
    .bytes(blockBytes)
    .view();
  return hash('sha256', input, 'base64url');
}
