import { Buffer } from 'node:buffer';
import { ciphertextRejected, KeysideError } from '../core/errors.ts';
import { DATA_KEY_BYTES, MAX_KEY_VERSION_BYTES } from '../core/providers.ts';
import type { SecretBytes } from '../core/secret-bytes.ts';
import type { GeneratedDataKey, KmsKey, Wrapped } from './kms.ts';

/** The longest wrap a KMS may answer with. The largest of the known ones, AWS's, is 6,144 bytes. */
const MAX_WRAPPED_BYTES = 8 * 1024;

interface Answerer {
  readonly id: string;
  readonly key: Pick<KmsKey, 'accepts'>;
}

/**
 * Postcondition: the wrap can be stored, and this configuration will accept it again.
 * @throws {KeysideError} KMS_UNAVAILABLE for a wrap that is empty or beyond 8 KiB; KEY_MISCONFIGURED for a version that the
 * configuration does not accept, since data written under it could not be read
 */
export function checkWrapped(wrapped: Wrapped, { id, key }: Answerer): void {
  const { length } = wrapped.ciphertext;
  if (length === 0 || length > MAX_WRAPPED_BYTES) {
    throw new KeysideError('KMS_UNAVAILABLE', `key ${id}: the KMS answered with a wrap of ${length} bytes`);
  }
  if (Buffer.byteLength(wrapped.keyVersion) > MAX_KEY_VERSION_BYTES || !key.accepts(wrapped)) {
    throw new KeysideError(
      'KEY_MISCONFIGURED',
      `key ${id}: the KMS wrapped under a key version that the configuration does not accept`,
    );
  }
}

/**
 * Postcondition: 32 bytes. Anything else is wiped: HMAC pads keys, so 31 bytes and the same with a zero would be one key
 * (docs/format.md, section 3).
 * @throws {KeysideError} CIPHERTEXT_REJECTED
 */
export function checkUnwrapped(dataKey: SecretBytes): void {
  const { length } = dataKey;
  if (length === DATA_KEY_BYTES) return;
  dataKey.wipe();
  throw ciphertextRejected(`the KMS unwrapped ${length} bytes`);
}

/**
 * Postcondition: 32 bytes and a wrap as `checkWrapped` demands. What fails is wiped.
 * @throws {KeysideError} as `checkWrapped`; KMS_UNAVAILABLE for a data key of another length
 */
export function checkGenerated({ dataKey, wrapped }: GeneratedDataKey, answerer: Answerer): void {
  const { length } = dataKey;
  try {
    if (length !== DATA_KEY_BYTES) {
      throw new KeysideError('KMS_UNAVAILABLE', `key ${answerer.id}: the KMS answered with a data key of ${length} bytes`);
    }
    checkWrapped(wrapped, answerer);
  } catch (error) {
    dataKey.wipe();
    throw error;
  }
}
