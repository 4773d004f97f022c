import { ciphertextRejected, type ErrorReason, KeysideError } from '../../core/errors.ts';
import { isFileFailure } from '../file-failure.ts';
import { LOGIN_ERRORS, TLS_ERRORS, TRANSIT_ERRORS } from './error-table.ts';
import { misfitOf, type TransitKeyFacts } from './key-facts.ts';
import { CredentialFileFault, DeadToken, OddAnswer, VaultRefusal } from './vault-server.ts';

/** What an error means for the key. */
export interface VaultFailure {
  readonly reason: ErrorReason;
  readonly says: string;
  /** A refusal with several possible causes: read the key, then `judge`. */
  readonly isToConfirm: boolean;
  /** The HTTP status, or the system's code. */
  readonly code: string;
  readonly retryAfterMs: number | undefined;
}

export function failureOf(error: unknown): VaultFailure {
  if (error instanceof VaultRefusal) return refusalOf(error);
  if (error instanceof OddAnswer) return failure('KMS_UNAVAILABLE', 'the answer is not one of Vault', error.message);
  if (error instanceof DeadToken) {
    return failure('KEY_MISCONFIGURED', 'Vault does not accept its token: expired, revoked, or of another Vault', 'HTTP 403');
  }
  if (error instanceof CredentialFileFault) {
    return failure('KEY_MISCONFIGURED', `the file that ${error.setting} names cannot be used`, error.code);
  }
  return systemFailureOf(error);
}

function refusalOf(refusal: VaultRefusal): VaultFailure {
  const { status, says: words, path, method, retryAfterMs } = refusal;
  const rows = path.startsWith('auth/') ? LOGIN_ERRORS : TRANSIT_ERRORS;
  const row = rows.find(({ status: expected, part }) => expected === status && words.includes(part));
  const of = (reason: ErrorReason, says: string): VaultFailure => ({
    ...failure(reason, says, `HTTP ${status}`),
    retryAfterMs,
  });
  if (row !== undefined) return { ...of(row.reason, row.says), isToConfirm: row.isToConfirm === true && method === 'POST' };
  if (status >= 500) return of('KMS_UNAVAILABLE', 'Vault or a proxy before it reports a fault of its own');
  if (status >= 300 && status < 400) return of('KEY_MISCONFIGURED', 'the address redirects, and redirects are not followed');
  return of('KEY_MISCONFIGURED', 'Vault does not accept the request');
}

function systemFailureOf(error: unknown): VaultFailure {
  const { name, code, syscall } = traits(error);
  if (code === undefined) return failure('INTERNAL', 'the client of Vault failed in a way that is not accounted for', name);
  if (isFileFailure(code, syscall)) return failure('KEY_MISCONFIGURED', 'a file of its TLS settings cannot be read', code);
  const row = TLS_ERRORS.find((candidate) => candidate.code.test(code));
  if (row !== undefined) return failure('KEY_MISCONFIGURED', row.says, code);
  return failure('KMS_UNAVAILABLE', 'Vault cannot be reached', code);
}

function failure(reason: ErrorReason, says: string, code: string): VaultFailure {
  return { reason, says, code, isToConfirm: false, retryAfterMs: undefined };
}

/** The failure as the caller will see it; what was thrown goes along for the log. */
export function keysideError(id: string, fault: VaultFailure & { readonly scope?: 'version' }, cause: unknown): KeysideError {
  if (fault.reason === 'CIPHERTEXT_REJECTED')
    return ciphertextRejected(`Vault: ${cause instanceof Error ? cause.message : fault.code}`);
  return new KeysideError(fault.reason, `key ${id}: ${fault.says} (${fault.code})`, {
    cause,
    ...(fault.reason === 'KEY_REVOKED' ? { details: { scope: fault.scope ?? 'key' } } : {}),
    ...(fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs }),
  });
}

export interface KeyEvidence {
  /** What reading the key shows; undefined: Transit has no such key. */
  readonly facts: TransitKeyFacts | undefined;
  /** Whether this key was there earlier in the life of this process. */
  readonly wasThere: boolean;
  /** The version that was to unwrap; undefined for wraps. */
  readonly keyVersion: string | undefined;
}

/** What a refusal means once the key was read. The key's state speaks first: it is what the customer did. */
export function judge(fault: VaultFailure, evidence: KeyEvidence): VaultFailure & { readonly scope?: 'version' } {
  const { facts, wasThere, keyVersion } = evidence;
  if (facts === undefined) return absence(wasThere);
  if (facts.isSoftDeleted) return { ...fault, reason: 'KEY_REVOKED', says: 'it is soft-deleted in Transit' };
  if (keyVersion !== undefined && Number(keyVersion) < facts.minDecryptionVersion) {
    const says = `Transit decrypts from version ${facts.minDecryptionVersion} only, and this is version ${keyVersion}`;
    return { ...fault, reason: 'KEY_REVOKED', says, scope: 'version' };
  }
  const misfit = misfitOf(facts);
  if (misfit !== undefined) return { ...fault, reason: 'KEY_MISCONFIGURED', says: `it ${misfit}` };
  if (fault.reason !== 'KEY_ACCESS_DENIED') return fault;
  return { ...fault, says: 'Vault refuses although the key is enabled: see the policies of its token' };
}

/**
 * Transit keeps no trace of a deleted key. One that served this process before and is gone now was deleted by its owner; one that never
 * did may as well be misspelt.
 */
export function absence(wasThere: boolean): VaultFailure {
  if (wasThere) return failure('KEY_REVOKED', 'it was there and is deleted in Transit', 'HTTP 404');
  return failure('KEY_NOT_FOUND', 'Transit has no such key', 'HTTP 404');
}

interface Traits {
  readonly name: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}

function traits(error: unknown): Traits {
  const { name, code, syscall } = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: typeof code === 'string' ? code : undefined,
    syscall: typeof syscall === 'string' ? syscall : undefined,
  };
}
