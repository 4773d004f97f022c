import { constants, createCipheriv, createDecipheriv, publicEncrypt, randomBytes } from 'node:crypto';
import { encodeWrapContext } from '../../src/core/encryption-context.ts';
import { WRAP_ALGORITHMS, type WrapAlgorithm } from '../../src/core/providers.ts';
import { CONTEXT } from '../contract/kms-calls.ts';
import type { OwnedKey } from './pkcs11-officer.ts';

/** What goes with a data key where the mechanism binds no context. */
const PAYLOAD_TAG_BYTES = 32;

/** RFC 5649, section 3. */
const KWP_IV = Buffer.from('a65959a6', 'hex');

/** How a contract's keys wrap, once more and without an HSM: node:crypto is the second opinion on what is stored. */
export interface Sealing {
  readonly algorithm: WrapAlgorithm;
  readonly isRsa?: true;
  readonly deterministic?: string;
  /** The wrap of something that is not a data key: `bytes` long, where Keyside would have given 32. */
  garbage(key: OwnedKey, bytes: number): Uint8Array;
  /** What is in a wrap that Keyside made for `CONTEXT`. Absent where only the HSM can tell. */
  open?(key: OwnedKey, wrapped: Uint8Array): Uint8Array;
}

export const KWP_SEALING: Sealing = {
  algorithm: WRAP_ALGORITHMS.aesKwp,
  deterministic: 'RFC 5649 adds no randomness; what it wraps is random itself',
  garbage: ({ value }, bytes) => {
    const cipher = createCipheriv('id-aes256-wrap-pad', known(value), KWP_IV);
    return Buffer.concat([cipher.update(randomBytes(bytes + PAYLOAD_TAG_BYTES)), cipher.final()]);
  },
  open: ({ value }, wrapped) => {
    const decipher = createDecipheriv('id-aes256-wrap-pad', known(value), KWP_IV);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  },
};

/** `ivBytes`: who makes the IV decides how long it is. */
export function gcmSealing(ivBytes = 12): Sealing {
  return {
    algorithm: WRAP_ALGORITHMS.aes256Gcm,
    garbage: ({ value }, bytes) => {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', known(value), iv).setAAD(encodeWrapContext(CONTEXT));
      return Buffer.concat([iv, cipher.update(randomBytes(bytes)), cipher.final(), cipher.getAuthTag()]);
    },
    open: ({ value }, wrapped) => {
      const decipher = createDecipheriv('aes-256-gcm', known(value), wrapped.subarray(0, ivBytes));
      decipher.setAAD(encodeWrapContext(CONTEXT)).setAuthTag(wrapped.subarray(-16));
      return Buffer.concat([decipher.update(wrapped.subarray(ivBytes, -16)), decipher.final()]);
    },
  };
}

export function oaepSealing(hash: 'sha1' | 'sha256'): Sealing {
  return {
    algorithm: WRAP_ALGORITHMS.rsaOaep256,
    isRsa: true,
    garbage: ({ publicKey }, bytes) => {
      const options = { key: known(publicKey), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash };
      return publicEncrypt(options, randomBytes(bytes + PAYLOAD_TAG_BYTES));
    },
  };
}

function known<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the key is of another kind');
  return part;
}
