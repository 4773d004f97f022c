import { ciphertextRejected, type ErrorReason, KeysideError, reasonEntry } from '../../core/errors.ts';
import { AzureError } from './azure-kms.ts';
import { AUTHORITY_ERRORS, VAULT_ERRORS, VAULT_WORDS } from './error-table.ts';

/** Codes of TLS failures that no waiting mends: the other side is not who it should be. */
const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;

/** The system's codes of connections that did not come about or broke. */
const NETWORK = /^(?:E[A-Z_]+|REQUEST_SEND_ERROR)$/;

/** What an error of Azure means for the key. */
export interface AzureFailure {
  readonly reason: ErrorReason;
  readonly says: string;
  /** Azure's code, the HTTP status, or the system's code. */
  readonly code: string;
  /** A refusal whose cause the vault can be asked for. */
  readonly confirm: 'disabled' | 'deleted' | undefined;
  readonly retryAfterMs: number | undefined;
  /** Of a revocation: what of the key it covers. */
  readonly scope?: 'key' | 'version';
}

export function failureOf(error: unknown): AzureFailure {
  if (!(error instanceof AzureError))
    return failure('INTERNAL', 'the Azure SDK failed in a way that is not accounted for', 'unknown');
  if (error.from === 'here') return failure('KEY_MISCONFIGURED', error.message, error.code ?? 'unknown');
  const { code = '', status } = error;
  const vault = error.from === 'vault';
  const known = (vault ? VAULT_ERRORS : AUTHORITY_ERRORS).get(vault ? vaultCode(error) : code);
  // A status of weather outranks a code that is none: what refused is not known to be the vault.
  if (known === undefined || (isWeather(status) && reasonEntry(known.reason).actor !== 'weather')) return byStatus(error);
  const { reason, says, confirm } = known;
  return { reason, says, confirm, code: vault ? vaultCode(error) : code, retryAfterMs: error.retryAfterMs };
}

/**
 * As `failureOf`; of an unwrap, a parameter that the vault does not accept is the wrap itself: everything else in the request is ours
 * and served the wrapping.
 */
export function unwrapFailureOf(error: unknown): AzureFailure {
  const found = failureOf(error);
  return found.code === 'BadParameter' ? { ...found, reason: 'CIPHERTEXT_REJECTED' } : found;
}

/** The failure as the caller will see it; Azure's words go along for the log. */
export function keysideError(
  id: string,
  { reason, says, code, scope, retryAfterMs }: AzureFailure,
  cause: unknown,
): KeysideError {
  if (reason === 'CIPHERTEXT_REJECTED') return ciphertextRejected(`Azure Key Vault: ${code}`);
  return new KeysideError(reason, `key ${id}: ${says} (${code})`, {
    cause,
    ...(reason === 'KEY_REVOKED' ? { details: { scope: scope ?? 'key' } } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The SDK could not be loaded. */
export function loadError(cause: unknown): KeysideError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
  const says = 'the Azure SDK is not installed: `npm install @azure/keyvault-keys @azure/identity` beside the daemon';
  if (isMissing) return new KeysideError('KEY_MISCONFIGURED', says, { cause });
  return new KeysideError('INTERNAL', 'the Azure SDK could not be loaded', { cause });
}

function vaultCode({ code = '', message, status }: AzureError): string {
  if (status !== 403 || (code !== 'Forbidden' && code !== '')) return code;
  return VAULT_WORDS.find(({ words }) => words.test(message))?.code ?? code;
}

function isWeather(status: number | undefined): boolean {
  return status === 429 || (status !== undefined && status >= 500);
}

function byStatus(error: AzureError): AzureFailure {
  const { status, code, retryAfterMs } = error;
  const who = error.from === 'vault' ? 'Azure' : "Azure's token authority";
  const found = (reason: ErrorReason, says: string): AzureFailure => ({
    ...failure(
      reason,
      says,
      status === undefined ? (code ?? 'unknown') : `HTTP ${status}${code === undefined ? '' : `, ${code}`}`,
    ),
    retryAfterMs,
  });
  if (status === 408) return found('KMS_TIMEOUT', `${who} or a proxy before it did not answer in time`);
  if (status === 429) return found('KMS_THROTTLED', `${who} throttles`);
  if (status !== undefined && status >= 500) return found('KMS_UNAVAILABLE', `${who} reports a fault of its own`);
  if (status === undefined) return byCode(error, found);
  if (error.from === 'authority') return found('KEY_MISCONFIGURED', 'no token is had: the credentials or the tenant');
  if (status === 403) return { ...found('KEY_ACCESS_DENIED', 'Azure or a proxy before it refuses'), confirm: 'disabled' };
  if (status === 404) return { ...found('KEY_NOT_FOUND', 'the vault knows no such key or version'), confirm: 'deleted' };
  if (status >= 400) return found('KEY_MISCONFIGURED', 'Azure does not accept the request');
  return found('KMS_UNAVAILABLE', 'the answer is not one of Azure');
}

/** Without an answer. What is neither the network's nor the clock's fault lies in the settings. */
function byCode({ from, code = '' }: AzureError, found: (reason: ErrorReason, says: string) => AzureFailure): AzureFailure {
  const what = from === 'vault' ? 'the vault' : "Azure's token authority";
  if (UNTRUSTED.test(code)) return found('KEY_MISCONFIGURED', `the certificate of ${what} is not trusted here`);
  if (code === 'AbortError') return found('KMS_TIMEOUT', `${what} did not answer in time`);
  if (NETWORK.test(code)) return found('KMS_UNAVAILABLE', `${what} cannot be reached`);
  if (from === 'vault') return found('KEY_MISCONFIGURED', 'the vault asks for a token that is not one for a vault of this name');
  return found('KEY_MISCONFIGURED', 'no token is had: the credentials or the tenant');
}

function failure(reason: ErrorReason, says: string, code: string): AzureFailure {
  return { reason, says, code, confirm: undefined, retryAfterMs: undefined };
}
