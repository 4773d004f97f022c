import { PROVIDER_NUMBERS } from '../../src/core/providers.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import { encodeKeyBlock, type KeyBlock, type StoredWrap } from '../../src/envelope/key-block.ts';
import { keyConfiguration } from './tenants.ts';
import type { World } from './world.ts';

/** 32 bytes of this value. */
export function dataKeyOf(value: number): SecretBytes {
  return SecretBytes.own(new Uint8Array(32).fill(value));
}

export interface WrapChoice {
  readonly configuration: string;
  readonly tenant?: string;
  /** Every byte of the data key or share. */
  readonly value: number;
  readonly share?: number;
  readonly shareCount?: number;
}

/** A wrap as the KMS of this configuration makes it. */
export async function wrapOf(world: World, choice: WrapChoice): Promise<StoredWrap> {
  const { tenant = 'acme', value, share = 0, shareCount = 0 } = choice;
  const { id, provider } = keyConfiguration(choice.configuration);
  using dataKey = dataKeyOf(value);
  const context = { tenantId: world.tenant(tenant).id, configurationId: id, share, shareCount };
  const wrapped = await world.kms.open(id).wrap({ dataKey, context }, new AbortController().signal);
  const { algorithm, keyVersion, ciphertext } = wrapped;
  return { provider: PROVIDER_NUMBERS[provider], algorithm, configurationId: id, keyVersion, share, shareCount, ciphertext };
}

/** A block of such wraps. */
export async function blockOf(world: World, ...choices: readonly WrapChoice[]): Promise<KeyBlock> {
  const wraps: StoredWrap[] = [];
  for (const choice of choices) wraps.push(await wrapOf(world, choice));
  return encodeKeyBlock(wraps);
}
