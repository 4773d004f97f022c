import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import type { Cipher, CipherKey } from '../cipher/cipher.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import { COMMITMENT_BYTES, type Header, type HeaderKind, SUITE } from './header.ts';

const INFO_PREFIX = {
  document: infoPrefix('keyside.dev/document@v1'),
  object: infoPrefix('keyside.dev/object@v1'),
} as const satisfies Record<HeaderKind, Uint8Array>;

/** What one HMAC over a data key gives: the key of one document or object, and the value that commits to it. */
export interface Derived {
  readonly key: CipherKey;
  /** 32 bytes, stored in clear. */
  readonly commitment: Uint8Array;
}

export interface DerivationInput {
  readonly kind: HeaderKind;
  readonly salt: Uint8Array;
  /** Canonical context bytes, `encodeContext`. */
  readonly context: Uint8Array;
}

/** docs/format.md, sections 4 and 5. The data key stays the caller's; the derived one is the caller's to release. */
export function derive(cipher: Cipher, dataKey: SecretBytes, input: DerivationInput): Derived {
  const both = expandHeader(cipher, dataKey, input);
  const key = cipher.importKey(both.subarray(0, 32));
  const commitment = new Uint8Array(both.subarray(32, 64));
  both.fill(0);
  return { key, commitment };
}

/** Key and commitment together, 64 bytes, for the caller to zero. */
export function expandHeader(cipher: Cipher, dataKey: SecretBytes, input: DerivationInput): Uint8Array {
  return cipher.expand(dataKey.expose(), derivationInfo(input), 64);
}

/** What `expand` is given beside the data key. */
export function derivationInfo({ kind, salt, context }: DerivationInput): Uint8Array {
  const prefix = INFO_PREFIX[kind];
  const info = Buffer.allocUnsafe(prefix.length + salt.length + context.length);
  info.set(prefix);
  info.set(salt, prefix.length);
  info.set(context, prefix.length + salt.length);
  return info;
}

/**
 * The document's or object's key, the caller's to release, or undefined where the data key is not the one that the header commits to.
 * Postcondition: whatever is returned was compared with the commitment in constant time.
 */
export function deriveVerified(
  cipher: Cipher,
  dataKey: SecretBytes,
  from: { header: Header; context: Uint8Array },
): CipherKey | undefined {
  const { header, context } = from;
  const { key, commitment } = derive(cipher, dataKey, { kind: header.kind, salt: header.salt, context });
  const matches = header.commitment.length === COMMITMENT_BYTES && timingSafeEqual(commitment, header.commitment);
  if (matches) return key;
  key[Symbol.dispose]();
  return undefined;
}

/** Whether the header commits to the data key: `deriveVerified` for a caller that needs no key. */
export function isCommittedTo(cipher: Cipher, dataKey: SecretBytes, from: { header: Header; context: Uint8Array }): boolean {
  using key = deriveVerified(cipher, dataKey, from);
  return key !== undefined;
}

function infoPrefix(label: string): Uint8Array {
  return Buffer.concat([Buffer.from(`${label}\0`), Uint8Array.of(SUITE)]);
}
