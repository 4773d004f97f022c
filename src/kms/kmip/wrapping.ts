import { KeysideError } from '../../core/errors.ts';
import { DATA_KEY_BYTES } from '../../core/providers.ts';
import { GCM_TAG_BYTES, type KmipEncrypted } from './operations.ts';
import { MalformedTtlv } from './ttlv.ts';

/** What is stored of a wrap: `IV || ciphertext[32] || tag[16]`. KMIP returns the three apart, and fixes no order. */

/** The IV that the daemon makes. */
export const CALLER_IV_BYTES = 12;

/** Servers make 12 bytes as a rule, some 16. Fewer than 12 would repeat too soon (NIST SP 800-38D, section 8.2). */
const MAX_IV_BYTES = 16;

export interface WrapParts {
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Undefined where the length is not that of a wrap. */
export function splitWrap(wrapped: Uint8Array): WrapParts | undefined {
  const ivBytes = wrapped.length - DATA_KEY_BYTES - GCM_TAG_BYTES;
  if (ivBytes < CALLER_IV_BYTES || ivBytes > MAX_IV_BYTES) return undefined;
  return {
    iv: wrapped.subarray(0, ivBytes),
    ciphertext: wrapped.subarray(ivBytes, ivBytes + DATA_KEY_BYTES),
    tag: wrapped.subarray(ivBytes + DATA_KEY_BYTES),
  };
}

/**
 * The bytes to store. `callerIv` is the daemon's own, where it made one.
 * @throws {KeysideError} KEY_MISCONFIGURED where the server returned no tag, or no fit IV and was to make one
 * @throws {MalformedTtlv} where the ciphertext is not as long as the plaintext, or the tag is not 16 bytes
 */
export function joinWrap(id: string, { iv, ciphertext, tag }: KmipEncrypted, callerIv: Uint8Array | undefined): Uint8Array {
  const usedIv = callerIv ?? iv;
  if (usedIv === undefined || usedIv.length < CALLER_IV_BYTES || usedIv.length > MAX_IV_BYTES) {
    const is = usedIv === undefined ? 'no IV' : `an IV of ${usedIv.length} bytes`;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: the KMIP server made ${is}; set ivSource to caller`);
  }
  if (tag === undefined) {
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: the KMIP server returned no authentication tag, as KMIP 1.4 demands`);
  }
  if (ciphertext.length !== DATA_KEY_BYTES || tag.length !== GCM_TAG_BYTES) {
    throw new MalformedTtlv(`a wrap has ${ciphertext.length} bytes and a tag of ${tag.length}`);
  }
  const wrapped = new Uint8Array(usedIv.length + DATA_KEY_BYTES + GCM_TAG_BYTES);
  wrapped.set(usedIv);
  wrapped.set(ciphertext, usedIv.length);
  wrapped.set(tag, usedIv.length + DATA_KEY_BYTES);
  return wrapped;
}
