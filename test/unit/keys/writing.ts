import assert from 'node:assert/strict';
import type { KeyBlock } from '../../../src/envelope/key-block.ts';
import type { WriteRequest } from '../../../src/keys/key-writer.ts';
import type { KeyConfiguration, LabelPolicy } from '../../../src/tenants/tenant.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { labelPolicy } from '../../fakes/tenants.ts';
import type { World } from '../../fakes/world.ts';

export interface Writing {
  readonly tenant?: string;
  readonly policy?: Partial<LabelPolicy>;
  readonly declaredLabel?: string;
  readonly bytes?: number;
  readonly scope?: FakeCallScope;
  readonly onLookup?: WriteRequest['onLookup'];
}

/** A tenant's primary key configuration. */
export function primaryOf(world: World, tenantId = 'acme'): KeyConfiguration {
  const primary = world.tenant(tenantId).keys.find(({ state }) => state === 'primary');
  assert.ok(primary);
  return primary;
}

function requestOf(world: World, writing: Writing): WriteRequest {
  const { tenant = 'acme', policy = {}, declaredLabel, bytes = 100, onLookup } = writing;
  const target = [[primaryOf(world, tenant)]] as const;
  return { tenant: world.tenant(tenant), target, declaredLabel, policy: labelPolicy(policy), bytes, onLookup };
}

/** The data key as hex that a document would be encrypted under without waiting; undefined where it must wait. */
export function writeNow(world: World, writing: Writing = {}): string | undefined {
  const lent = world.ring.writer.lend(requestOf(world, writing), writing.scope ?? new FakeCallScope());
  return lent && Buffer.from(lent.dataKey.expose()).toString('hex');
}

/** Takes a data key for one document as a request does, and returns its block and its value as hex. */
export async function write(world: World, writing: Writing = {}): Promise<{ keyBlock: KeyBlock; dataKey: string }> {
  const written = await world.ring.writer.take(requestOf(world, writing), writing.scope ?? new FakeCallScope());
  using dataKey = written.dataKey;
  return { keyBlock: written.keyBlock, dataKey: Buffer.from(dataKey.expose()).toString('hex') };
}
