import type { KeyBlock } from '../../../src/envelope/key-block.ts';
import type { LabelPolicy } from '../../../src/tenants/tenant.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import { labelPolicy } from '../../fakes/tenants.ts';
import type { World } from '../../fakes/world.ts';

export interface Reading {
  readonly tenant?: string;
  readonly policy?: Partial<LabelPolicy>;
  readonly scope?: FakeCallScope;
  readonly maxAgeMs?: number;
  /** Whether a data key of this value is the one the document commits to. Default: any is. */
  readonly commitsTo?: number;
}

/** Reads a block through the ring as a request does, and returns the value of the data key's bytes. */
export async function read(world: World, keyBlock: KeyBlock, reading: Reading = {}): Promise<number> {
  const { tenant = 'acme', policy = {}, scope = new FakeCallScope(), maxAgeMs = Number.POSITIVE_INFINITY, commitsTo } = reading;
  using dataKey = await world.ring.reader.open(
    {
      tenant: world.tenant(tenant),
      keyBlock,
      policy: labelPolicy(policy),
      maxAgeMs,
      verifies: (candidate) => commitsTo === undefined || candidate.expose()[0] === commitsTo,
    },
    scope,
  );
  const [value] = dataKey.expose();
  if (value === undefined || dataKey.expose().some((byte) => byte !== value)) throw new Error('not a data key of this test');
  return value;
}
