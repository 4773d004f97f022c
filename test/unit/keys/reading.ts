import type { SecretBytes } from '../../../src/core/secret-bytes.ts';
import type { KeyBlock } from '../../../src/envelope/key-block.ts';
import type { ReadRequest } from '../../../src/keys/key-reader.ts';
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
  readonly onLookup?: ReadRequest['onLookup'];
}

/** Reads a block through the ring as a request does, and returns the value of the data key's bytes. */
export async function read(world: World, keyBlock: KeyBlock, reading: Reading = {}): Promise<number> {
  using dataKey = await world.ring.reader.open(requestOf(world, keyBlock, reading), reading.scope ?? new FakeCallScope());
  return byteOf(dataKey);
}

/** The same without waiting; undefined where it must wait. */
export function readNow(world: World, keyBlock: KeyBlock, reading: Reading = {}): number | undefined {
  const lent = world.ring.reader.lend(requestOf(world, keyBlock, reading), reading.scope ?? new FakeCallScope());
  return lent && byteOf(lent);
}

function requestOf(world: World, keyBlock: KeyBlock, reading: Reading): ReadRequest {
  const { tenant = 'acme', policy = {}, maxAgeMs = Number.POSITIVE_INFINITY, commitsTo, onLookup } = reading;
  const verifies = (candidate: SecretBytes): boolean => commitsTo === undefined || candidate.expose()[0] === commitsTo;
  return { tenant: world.tenant(tenant), keyBlock, policy: labelPolicy(policy), maxAgeMs, verifies, onLookup };
}

function byteOf(dataKey: SecretBytes): number {
  const [value] = dataKey.expose();
  if (value === undefined || dataKey.expose().some((byte) => byte !== value)) throw new Error('not a data key of this test');
  return value;
}
