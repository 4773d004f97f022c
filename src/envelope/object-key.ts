import { timingSafeEqual } from 'node:crypto';
import type { Cipher } from '../cipher/cipher.ts';
import { SecretBytes } from '../core/secret-bytes.ts';
import { expandHeader } from './derive.ts';
import type { Header } from './header.ts';

/** What one HMAC over a data key gives for an object. Whoever holds it wipes the key. */
export interface DerivedObject {
  /** 32 bytes, the input key of one body: raw, since the body's own key is derived from it. */
  readonly key: SecretBytes;
  /** 32 bytes, stored in clear in the object's header. */
  readonly commitment: Uint8Array;
}

/** docs/format.md, section 5. `context` is canonical, from `encodeContext`. The data key stays the caller's. */
export function deriveObject(
  cipher: Cipher,
  dataKey: SecretBytes,
  from: { salt: Uint8Array; context: Uint8Array },
): DerivedObject {
  const both = expandHeader(cipher, dataKey, { kind: 'object', ...from });
  const key = SecretBytes.copyOf(both.subarray(0, 32));
  const commitment = new Uint8Array(both.subarray(32, 64));
  both.fill(0);
  return { key, commitment };
}

/**
 * The object's key, or undefined where the header is none of an object or the data key is not the one that it commits to.
 * Postcondition: whatever is returned was compared with the commitment in constant time.
 */
export function deriveObjectVerified(
  cipher: Cipher,
  dataKey: SecretBytes,
  from: { header: Header; context: Uint8Array },
): SecretBytes | undefined {
  const { header, context } = from;
  if (header.kind !== 'object') return undefined;
  const { key, commitment } = deriveObject(cipher, dataKey, { salt: header.salt, context });
  if (commitment.length === header.commitment.length && timingSafeEqual(commitment, header.commitment)) return key;
  key.wipe();
  return undefined;
}
