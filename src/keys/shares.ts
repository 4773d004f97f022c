import { randomFillSync } from 'node:crypto';
import { DATA_KEY_BYTES } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';

/**
 * A data key in `count` shares whose XOR it is: all but one of them random, so that any number below all of them says nothing
 * (SP 800-133r2, section 6.3). One share is the data key itself. Every part is the caller's to wipe.
 */
export function splitDataKey(dataKey: SecretBytes, count: number): readonly SecretBytes[] {
  const last = dataKey.copy();
  const parts: SecretBytes[] = [];
  for (let number = 1; number < count; number++) {
    const part = randomFillSync(new Uint8Array(DATA_KEY_BYTES));
    xorInto(last.expose(), part);
    parts.push(SecretBytes.own(part));
  }
  return [...parts, last];
}

/** The data key whose shares these are. Precondition: each is 32 bytes. They stay their owner's; the result is the caller's to wipe. */
export function joinShares(shares: readonly SecretBytes[]): SecretBytes {
  const joined = new Uint8Array(DATA_KEY_BYTES);
  for (const share of shares) xorInto(joined, share.expose());
  return SecretBytes.own(joined);
}

function xorInto(target: Uint8Array, source: Uint8Array): void {
  for (let at = 0; at < DATA_KEY_BYTES; at++) target[at] = (target[at] as number) ^ (source[at] as number);
}
