import { equalBytes, hmacSha512, sha512 } from '../cipher/mac.ts';
import { encodeWrapContext, type WrapContext } from '../core/encryption-context.ts';
import { ciphertextRejected } from '../core/errors.ts';
import { DATA_KEY_BYTES } from '../core/providers.ts';
import { SecretBytes } from '../core/secret-bytes.ts';

/**
 * What is wrapped where a KMS takes no additional data (docs/format.md, section 3): (DK or share)[32] || tag[32], the tag standing for
 * the context that the KMS does not bind.
 */
export interface Payload {
  /** 64 bytes, the caller's to wipe. */
  seal(dataKey: SecretBytes, context: WrapContext): SecretBytes;
  /**
   * The 32 bytes, the caller's to wipe. `payload` stays the caller's.
   * @throws {KeysideError} CIPHERTEXT_REJECTED where length or tag are not right
   */
  open(payload: Uint8Array, context: WrapContext): SecretBytes;
}

const TAG_BYTES = 32;

/** For AES key wrap, which authenticates by itself: the tag is a digest of the context. */
export const KWP_PAYLOAD: Payload = payloadOf(
  (_dataKey, context) => sha512(context),
  (tag, _dataKey, context) => equalBytes(tag, sha512(context).subarray(0, TAG_BYTES)),
);

/**
 * For RSA, where anyone with the public key can wrap: the tag is an HMAC under a secret of the deployment. The first origin key seals,
 * every one opens, so that they can be rotated.
 * Precondition: at least one; each 32 bytes or more.
 */
export function rsaPayload(originKeys: readonly SecretBytes[]): Payload {
  const [current] = originKeys;
  if (current === undefined) throw new RangeError('RSA wraps need an origin key');
  const tagUnder = (key: SecretBytes, dataKey: Uint8Array, context: Uint8Array): Uint8Array =>
    hmacSha512(key.expose(), context, dataKey);
  return payloadOf(
    (dataKey, context) => tagUnder(current, dataKey, context),
    (tag, dataKey, context) => originKeys.some((key) => equalBytes(tag, tagUnder(key, dataKey, context).subarray(0, TAG_BYTES))),
  );
}

function payloadOf(
  tagOf: (dataKey: Uint8Array, context: Uint8Array) => Uint8Array,
  verifies: (tag: Uint8Array, dataKey: Uint8Array, context: Uint8Array) => boolean,
): Payload {
  return {
    seal(dataKey, context) {
      const bytes = new Uint8Array(DATA_KEY_BYTES + TAG_BYTES);
      bytes.set(dataKey.expose());
      bytes.set(tagOf(dataKey.expose(), encodeWrapContext(context)).subarray(0, TAG_BYTES), DATA_KEY_BYTES);
      return SecretBytes.own(bytes);
    },
    open(payload, context) {
      if (payload.length !== DATA_KEY_BYTES + TAG_BYTES) throw ciphertextRejected('a wrapped payload is not 64 bytes');
      const dataKey = payload.subarray(0, DATA_KEY_BYTES);
      if (!verifies(payload.subarray(DATA_KEY_BYTES), dataKey, encodeWrapContext(context))) {
        throw ciphertextRejected('a wrapped payload was made for another context, or not by this deployment');
      }
      return SecretBytes.copyOf(dataKey);
    },
  };
}
