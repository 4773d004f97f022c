import { Buffer } from 'node:buffer';
import type { IvPolicy } from './presets.ts';

/**
 * Where modules put IV and tag of AES-GCM, and how it is stored: always `IV || ciphertext || tag` (docs/format.md, section 3,
 * algorithm 3).
 */

export const TAG_BYTES = 16;

const IV_BYTES = { caller: 12, 'hsm-prefix': 12, 'hsm-suffix': 16 } as const satisfies Record<IvPolicy, number>;

export function ivBytesOf(policy: IvPolicy): number {
  return IV_BYTES[policy];
}

/** Whether the caller gives the IV when it encrypts. */
export function callerMakesIv(policy: IvPolicy): boolean {
  return policy === 'caller';
}

/** What is stored of what the module returned; `iv` is the one given to it, empty where the HSM made its own. */
export function toStored(policy: IvPolicy, { iv, output }: { readonly iv: Uint8Array; readonly output: Uint8Array }): Uint8Array {
  switch (policy) {
    case 'caller':
      return Buffer.concat([iv, output]);
    case 'hsm-prefix':
      return output;
    case 'hsm-suffix': {
      const at = Math.max(output.length - IV_BYTES[policy], 0);
      return Buffer.concat([output.subarray(at), output.subarray(0, at)]);
    }
  }
}

/**
 * What is given to the module to decrypt; undefined where the stored bytes cannot hold an IV and a tag. CloudHSM reads the IV from
 * before the ciphertext; Luna takes it as a parameter, wherever it came from.
 */
export function fromStored(
  policy: IvPolicy,
  stored: Uint8Array,
): { readonly iv: Uint8Array; readonly input: Uint8Array } | undefined {
  const ivBytes = IV_BYTES[policy];
  if (stored.length < ivBytes + TAG_BYTES) return undefined;
  if (policy === 'hsm-prefix') return { iv: new Uint8Array(0), input: stored };
  return { iv: stored.subarray(0, ivBytes), input: stored.subarray(ivBytes) };
}
