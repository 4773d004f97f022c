import { ciphertextRejected, type ErrorReason, KeysideError } from '../../core/errors.ts';
import { isFileFailure } from '../file-failure.ts';
import type { AwsKeyFacts } from './aws-kms.ts';
import { AWS_ERRORS, KEY_STORE_ERRORS } from './error-table.ts';

/** Connections that broke: the SDK renames them to TimeoutError. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE']);

/** Codes of TLS failures that no waiting mends: the other side is not who it should be. */
const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;

/** What an error of the SDK means for the key. */
export interface AwsFailure {
  readonly reason: ErrorReason;
  readonly says: string;
  /** A refusal with several possible causes: ask for the key's state, then `judge`. */
  readonly isToConfirm: boolean;
  /** The error's name in AWS's words, the HTTP status, or the system's code. */
  readonly code: string;
  /** What AWS asked us to wait. */
  readonly retryAfterMs: number | undefined;
}

/** Reads nothing but what every SDK error carries: name, HTTP status, and the system's code beneath. */
export function failureOf(error: unknown): AwsFailure {
  const { name, status, code, syscall, retryAfterMs } = traits(error);
  const row = code !== undefined && BROKEN.has(code) ? undefined : AWS_ERRORS.get(name);
  const failure = (reason: ErrorReason, says: string): AwsFailure => ({
    reason,
    says,
    isToConfirm: row?.isToConfirm ?? false,
    code: row !== undefined ? name : (code ?? (status === undefined ? name : `HTTP ${status}`)),
    retryAfterMs,
  });
  if (row !== undefined) return failure(row.reason, row.says);
  if (status === 429) return failure('KMS_THROTTLED', 'AWS throttles');
  if (status === 408) return failure('KMS_TIMEOUT', 'AWS or a proxy before it did not answer in time');
  if (status !== undefined && status >= 500) return failure('KMS_UNAVAILABLE', 'AWS reports a fault of its own');
  if (code !== undefined) {
    if (isFileFailure(code, syscall)) return failure('KEY_MISCONFIGURED', 'a file of its credentials cannot be read');
    if (UNTRUSTED.test(code)) return failure('KEY_MISCONFIGURED', "the certificate of AWS's endpoint is not trusted here");
    return failure('KMS_UNAVAILABLE', 'AWS cannot be reached');
  }
  if (status === 401 || status === 403) return failure('KEY_ACCESS_DENIED', 'AWS or a proxy before it refuses');
  if (status !== undefined && status >= 400) return failure('KEY_MISCONFIGURED', 'AWS does not accept the request');
  if (name === 'SyntaxError' || status !== undefined) return failure('KMS_UNAVAILABLE', 'the answer is not one of AWS');
  return failure('INTERNAL', 'the AWS SDK failed in a way that is not accounted for');
}

/** The failure as the caller will see it; the SDK's error goes along for the log. */
export function keysideError(id: string, failure: AwsFailure, cause: unknown): KeysideError {
  if (failure.reason === 'CIPHERTEXT_REJECTED') return ciphertextRejected(`AWS KMS: ${failure.code}`);
  return new KeysideError(failure.reason, `key ${id}: ${failure.says} (${failure.code})`, {
    cause,
    // One configuration may accept several keys: what was refused is the one that the wrap names, its version here.
    ...(failure.reason === 'KEY_REVOKED' ? { details: { scope: 'version' } } : {}),
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
  });
}

/** What a refusal means once the key's state is known. The state speaks first: it is what the customer did. */
export function judge(failure: AwsFailure, refusal: unknown, facts: AwsKeyFacts): AwsFailure {
  switch (facts.state) {
    case 'Disabled':
      return { ...failure, reason: 'KEY_REVOKED', says: 'it is disabled in AWS KMS' };
    case 'PendingDeletion':
    case 'PendingReplicaDeletion':
      return { ...failure, reason: 'KEY_REVOKED', says: 'it is pending deletion in AWS KMS' };
    case 'PendingImport':
      return { ...failure, reason: 'KEY_REVOKED', says: 'its imported key material was deleted, has expired or was never there' };
    case 'Unavailable':
      return { ...failure, reason: 'KMS_UNAVAILABLE', says: 'its custom key store is disconnected' };
    case 'Creating':
    case 'Updating':
      return { ...failure, reason: 'KMS_UNAVAILABLE', says: `it is ${facts.state.toLowerCase()} in AWS KMS` };
    case 'Enabled':
      return judgeEnabled(failure, refusal, facts);
    default:
      return failure;
  }
}

function judgeEnabled(failure: AwsFailure, refusal: unknown, facts: AwsKeyFacts): AwsFailure {
  if (failure.code !== 'KMSInvalidStateException' || !facts.isInCustomKeyStore) {
    return {
      ...failure,
      says: 'AWS KMS refuses although the key is enabled: see its key policy, grants and the IAM policy of the role',
    };
  }
  const message = refusal instanceof Error ? refusal.message : '';
  const row = KEY_STORE_ERRORS.find(({ part }) => message.includes(part));
  if (row !== undefined) return { ...failure, reason: row.reason, says: row.says };
  return { ...failure, reason: 'KMS_UNAVAILABLE', says: 'its custom key store does not answer as it should' };
}

interface Traits {
  readonly name: string;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly retryAfterMs: number | undefined;
}

function traits(error: unknown): Traits {
  const fields = record(error);
  const code = fields.code ?? record(fields.cause).code;
  const syscall = fields.syscall ?? record(fields.cause).syscall;
  const status = record(fields.$metadata).httpStatusCode;
  const retryAfter = Number(record(record(fields.$response).headers)['retry-after']);
  return {
    name: typeof fields.name === 'string' ? fields.name : 'Error',
    status: typeof status === 'number' ? status : undefined,
    code: typeof code === 'string' ? code : undefined,
    syscall: typeof syscall === 'string' ? syscall : undefined,
    retryAfterMs: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1_000 : undefined,
  };
}

/** The value's fields, inherited ones too; none where it is no object. */
function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
