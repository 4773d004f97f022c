import { ciphertextRejected, KeysideError } from '../../core/errors.ts';
import { GcpCredentialsError } from './credential-errors.ts';
import { EKM_ERRORS, type GcpFailure, INFO_ERRORS, type Row, STATUS_ERRORS } from './error-table.ts';
import type { GcpKeyFacts, GcpVersionFacts } from './gcp-kms.ts';
import { DamagedReplyError } from './integrity.ts';
import { ENCRYPT_DECRYPT, VERSION_STATES } from './key-facts.ts';
import { record, tellsOfUntrusted, text } from './traits.ts';

/** What was asked: INVALID_ARGUMENT is about the ciphertext of the one and about the key of the others. */
export type GcpOperation = 'encrypt' | 'decrypt' | 'describe';

/** What Google answers where checksum and bytes of a request differ: the bytes were damaged on their way, not rejected. */
const DAMAGED_REQUEST = /[Cc]hecksum in field .* did not match|corrupted in transit/;

const STATUS_NAMES: ReadonlyMap<unknown, string> = new Map(Object.entries(STATUS_ERRORS).map(([name, { code }]) => [code, name]));

/** Reads nothing but the status code, the message and the details of `google.rpc.Status`. */
export function failureOf(error: unknown, operation: GcpOperation): GcpFailure {
  if (error instanceof GcpCredentialsError) return error.failure;
  if (error instanceof DamagedReplyError) return damaged(error.name);
  const { status, types, reason, message, retryAfterMs } = traits(error);
  const is = ({ reason, says, isToConfirm }: Row, code: string): GcpFailure => ({
    reason,
    says,
    isToConfirm: isToConfirm === true,
    code,
    retryAfterMs,
  });
  const row = status === undefined ? undefined : STATUS_ERRORS[status];
  if (status === undefined || row === undefined) {
    return {
      reason: 'INTERNAL',
      says: "Google's SDK failed in a way that is not accounted for",
      isToConfirm: false,
      code: 'Error',
    };
  }
  if (status === 'INVALID_ARGUMENT') {
    if (DAMAGED_REQUEST.test(message)) return damaged(status);
    if (operation === 'decrypt') return { ...is(row, status), reason: 'CIPHERTEXT_REJECTED' };
  }
  if (status === 'UNAVAILABLE' && tellsOfUntrusted(message)) {
    const says = "the certificate of Google's endpoint is not trusted here";
    return { ...is(row, status), reason: 'KEY_MISCONFIGURED', says };
  }
  const domain = types.find((type) => Object.hasOwn(EKM_ERRORS, type));
  if (status === 'FAILED_PRECONDITION') {
    if (domain !== undefined) return is(EKM_ERRORS[domain] as Row, domain);
    const [type, ...others] = types;
    return is(row, type?.startsWith('KEY_') === true && others.length === 0 ? type : status);
  }
  if (Object.hasOwn(INFO_ERRORS, reason)) return is(INFO_ERRORS[reason] as Row, reason);
  return is(row, status);
}

/** The failure as the caller will see it; the SDK's error goes along for the log. */
export function keysideError(id: string, failure: GcpFailure, cause: unknown): KeysideError {
  const { reason, says, code, scope = 'key', retryAfterMs } = failure;
  if (reason === 'CIPHERTEXT_REJECTED') return ciphertextRejected(`Google Cloud KMS: ${code}`);
  return new KeysideError(reason, `key ${id}: ${says} (${code})`, {
    cause,
    ...(reason === 'KEY_REVOKED' ? { details: { scope } } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

export interface GcpStanding {
  readonly key: GcpKeyFacts;
  /** The version that was refused: the primary one when encrypting. Undefined where the key has none. */
  readonly version: GcpVersionFacts | undefined;
}

/** What a refusal means once the state of key and version is known. The state speaks first: it is what the customer did. */
export function judge(failure: GcpFailure, { key, version }: GcpStanding): GcpFailure {
  if (key.purpose !== ENCRYPT_DECRYPT) {
    return { ...failure, reason: 'KEY_MISCONFIGURED', says: `its purpose is ${key.purpose}, and ${ENCRYPT_DECRYPT} is needed` };
  }
  if (version === undefined) return { ...failure, reason: 'KEY_MISCONFIGURED', says: 'it has no primary version' };
  const label = `version ${version.name.slice(version.name.lastIndexOf('/') + 1)}`;
  switch (VERSION_STATES[version.state]?.isRefused) {
    case 'by the customer': {
      const says = `${label} is ${version.state} in Google Cloud KMS`;
      return { ...failure, reason: 'KEY_REVOKED', says, scope: scopeOf(key, version) };
    }
    case 'for now':
      return { ...failure, reason: 'KMS_UNAVAILABLE', says: `${label} is ${version.state} in Google Cloud KMS` };
    case 'for good':
      return { ...failure, reason: 'KEY_MISCONFIGURED', says: `${label} is ${version.state} in Google Cloud KMS` };
    case 'never':
      return judgeEnabled(failure, version);
    default:
      return failure;
  }
}

/**
 * One version only where the key goes on under another: an enabled primary. Where the primary is refused too, nothing new can be
 * written, and forgetting the data keys of versions that may still be enabled costs a call each.
 */
function scopeOf({ primary }: GcpKeyFacts, version: GcpVersionFacts): 'key' | 'version' {
  return primary !== undefined && primary.name !== version.name && primary.state === 'ENABLED' ? 'version' : 'key';
}

/** An external key manager has FAILED_PRECONDITION for everything; a domain that is new to us is weather, as most of them are. */
function judgeEnabled(failure: GcpFailure, version: GcpVersionFacts): GcpFailure {
  if (Object.hasOwn(EKM_ERRORS, failure.code) || failure.code === 'PERMISSION_DENIED') return failure;
  if (failure.code === 'FAILED_PRECONDITION' && version.protectionLevel.startsWith('EXTERNAL')) {
    return { ...failure, reason: 'KMS_UNAVAILABLE', says: 'its external key manager does not answer as it should' };
  }
  return { ...failure, says: 'Google Cloud KMS refuses although the version is enabled' };
}

function damaged(code: string): GcpFailure {
  return {
    reason: 'KMS_UNAVAILABLE',
    says: 'what was sent or answered was damaged on its way: a checksum does not match',
    isToConfirm: false,
    code,
  };
}

interface Traits {
  readonly status: string | undefined;
  /** Of the violations of a PreconditionFailure. */
  readonly types: readonly string[];
  /** Of an ErrorInfo. */
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

function traits(error: unknown): Traits {
  const fields = record(error);
  const details = Array.isArray(fields.statusDetails) ? fields.statusDetails.map(record) : [];
  const violations = details.flatMap(({ violations }) => (Array.isArray(violations) ? violations.map(record) : []));
  return {
    status: STATUS_NAMES.get(fields.code),
    types: violations.map(({ type }) => text(type) ?? ''),
    reason: text(fields.reason) ?? '',
    message: text(fields.message) ?? '',
    retryAfterMs: details.map(({ retryDelay }) => milliseconds(retryDelay)).find((ms) => ms !== undefined),
  };
}

/** A `google.protobuf.Duration`, as the SDK reads it. */
function milliseconds(duration: unknown): number | undefined {
  if (typeof duration !== 'object' || duration === null) return undefined;
  const { seconds = 0, nanos = 0 } = record(duration);
  const ms = Number(seconds) * 1_000 + Number(nanos) / 1e6;
  return Number.isFinite(ms) && ms > 0 ? Math.ceil(ms) : undefined;
}
