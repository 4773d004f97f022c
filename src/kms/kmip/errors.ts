import { type ErrorReason, KeysideError } from '../../core/errors.ts';
import { CONNECTION_ERRORS, KMIP_RESULTS } from './error-table.ts';
import { KmipRefusal } from './messages.ts';
import { MalformedTtlv } from './ttlv.ts';

/** What a failure of the KMIP server, or of the way to it, means for the key. */
export interface KmipFailure {
  readonly reason: ErrorReason;
  readonly says: string;
  /** The result reason in KMIP's words, or the system's code. */
  readonly code: string;
  /** What it says of the ciphertext where it is a Decrypt's: that it is bad, or that it may be. */
  readonly ofDecrypt?: 'rejected' | 'unclear' | undefined;
}

export function failureOf(error: unknown): KmipFailure {
  if (error instanceof KmipRefusal) return refusalOf(error);
  if (error instanceof MalformedTtlv) {
    return { reason: 'KMS_UNAVAILABLE', says: 'the answer is not one of a KMIP server', code: 'malformed' };
  }
  const code = codeOf(error);
  const row = code === undefined ? undefined : CONNECTION_ERRORS.find((candidate) => candidate.code.test(code));
  if (row !== undefined) return { reason: row.reason, says: row.says, code: code ?? '' };
  return {
    reason: 'INTERNAL',
    says: 'the KMIP client failed in a way that is not accounted for',
    code: error instanceof Error ? error.name : typeof error,
  };
}

/** The failure as the caller will see it; what the server said goes along for the log. */
export function keysideError(id: string, failure: KmipFailure, cause: unknown): KeysideError {
  return new KeysideError(failure.reason, `key ${id}: ${failure.says} (${failure.code})`, {
    cause,
    ...(failure.reason === 'KEY_REVOKED' ? { details: { scope: 'key' } } : {}),
  });
}

/** A reason of the vendor's own, or none, is a fault of the server: it says nothing about the key, and may say something of a ciphertext. */
function refusalOf({ resultReason }: KmipRefusal): KmipFailure {
  const row = resultReason === undefined ? undefined : KMIP_RESULTS.get(resultReason);
  if (row === undefined) {
    const code = resultReason === undefined ? 'no reason' : `reason 0x${resultReason.toString(16)}`;
    return { reason: 'KMS_UNAVAILABLE', says: 'the KMIP server refuses without a known reason', code, ofDecrypt: 'unclear' };
  }
  return { reason: row.reason, says: row.says, code: row.name, ofDecrypt: row.ofDecrypt };
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
