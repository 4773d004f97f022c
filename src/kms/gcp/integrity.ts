import { crc32c } from './crc32c.ts';

/** A 64-bit number of a reply: protobuf's Int64Value, which the SDK reads as text. */
type Checksum = { readonly value?: unknown } | null | undefined;

/** EncryptResponse, as far as it is read. */
export interface EncryptReply {
  readonly name?: string | null;
  readonly ciphertext?: Uint8Array | null;
  readonly ciphertextCrc32c?: Checksum;
  readonly verifiedPlaintextCrc32c?: boolean | null;
  readonly verifiedAdditionalAuthenticatedDataCrc32c?: boolean | null;
}

/** DecryptResponse, as far as it is read. Google refuses a request whose checksums do not match, so there are no flags. */
export interface DecryptReply {
  readonly plaintext?: Uint8Array | null;
  readonly plaintextCrc32c?: Checksum;
}

/** Request or reply were damaged on their way: what was answered must not be used. */
export class DamagedReplyError extends Error {
  override readonly name = 'DamagedReplyError';
}

/**
 * Postcondition: Google encrypted what was sent, under the additional data that was sent, and the ciphertext arrived whole.
 * (https://cloud.google.com/kms/docs/data-integrity-guidelines)
 * @throws {DamagedReplyError}
 */
export function intactCiphertext(reply: EncryptReply): Uint8Array {
  if (reply.verifiedPlaintextCrc32c !== true) throw new DamagedReplyError('google did not verify the data key it got');
  if (reply.verifiedAdditionalAuthenticatedDataCrc32c !== true) {
    throw new DamagedReplyError('google did not verify the additional data it got');
  }
  return intact(reply.ciphertext, reply.ciphertextCrc32c, 'ciphertext');
}

/**
 * Postcondition: the plaintext arrived whole. It is the reply's own memory, the caller's to zero; a damaged one is zeroed here.
 * @throws {DamagedReplyError}
 */
export function intactPlaintext(reply: DecryptReply): Uint8Array {
  try {
    return intact(reply.plaintext, reply.plaintextCrc32c, 'plaintext');
  } catch (error) {
    reply.plaintext?.fill(0);
    throw error;
  }
}

function intact(bytes: Uint8Array | null | undefined, checksum: Checksum, what: string): Uint8Array {
  const present = bytes ?? new Uint8Array(0);
  const claimed = checksum?.value;
  if (claimed === undefined || claimed === null) throw new DamagedReplyError(`the reply has no checksum of its ${what}`);
  if (String(claimed) !== String(crc32c(present))) throw new DamagedReplyError(`the checksum of the ${what} does not match it`);
  return present;
}
