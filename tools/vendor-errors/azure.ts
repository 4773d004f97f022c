import { AUTHORITY_ERRORS, VAULT_ERRORS, VAULT_WORDS } from '../../src/kms/azure/error-table.ts';
import { failureOf, keysideError, unwrapFailureOf } from '../../src/kms/azure/errors.ts';
import { tokenError, vaultError } from '../../src/kms/azure/sdk-errors.ts';
import {
  CONFIRMED,
  KEY_CONFIGURATION,
  NETWORK_SAMPLES,
  systemError,
  thrown,
  type VendorError,
  type VendorVerdict,
} from './vendor-error.ts';

/** The vault's outer codes; the precise one stands within. */
const OUTER: Readonly<Record<number, string>> = { 403: 'Forbidden', 409: 'Conflict', 429: 'Throttled' };

export function azureErrors(): readonly VendorError[] {
  const vault = [...VAULT_ERRORS].map(([code, { reason, says, samples }]): VendorError => {
    const [status, sample] = samples[code] ?? [0, ''];
    const toldBy = `HTTP ${status}, ${code}`;
    return {
      place: 'The vault, by code',
      toldBy,
      sample,
      reason,
      says,
      code,
      read: () => readVault(restError(status, code, sample)),
    };
  });
  const words = VAULT_WORDS.map(({ words, code }): VendorError => {
    const row = VAULT_ERRORS.get(code);
    const sample = row?.samples[code]?.[1] ?? '';
    return {
      place: 'The vault, by its words where there is no inner code',
      toldBy: `HTTP 403, Forbidden: ${words.source}`,
      sample,
      reason: row?.reason ?? 'INTERNAL',
      says: row?.says ?? '',
      code,
      read: () => readVault(restError(403, 'Forbidden', sample)),
    };
  });
  const authority = [...AUTHORITY_ERRORS].map(([code, { reason, says, samples }]): VendorError => {
    const [status, sample] = samples[code] ?? [0, ''];
    const number = /^AADSTS(\d+)$/.exec(code)?.[1];
    const cause = thrown(sample, number === undefined ? { errorCode: code } : { errorCode: 'invalid_client', errorNo: number });
    const error = tokenError(cause, { status });
    const read = () => ({ error: keysideError(KEY_CONFIGURATION, failureOf(error), error) });
    return { place: 'Entra, by code', toldBy: `HTTP ${status}, ${code}`, sample, reason, says, code, read };
  });
  return [...vault, ...words, ...authority, ...others()];
}

function others(): readonly VendorError[] {
  const place = 'What has no code of its own';
  const answered = (status: number, sample: string, reason: VendorError['reason']): VendorError => ({
    place,
    toldBy: `HTTP ${status}`,
    sample,
    reason,
    read: () => readVault(thrown(sample, { name: 'RestError', statusCode: status })),
  });
  const system = (code: string, sample: string, reason: VendorError['reason']): VendorError => ({
    place,
    toldBy: code,
    sample,
    reason,
    read: () => readVault(code === 'AbortError' ? thrown(sample, { name: code }) : systemError(code, sample)),
  });
  return [
    answered(408, '<html>408 Request Time-out</html>', 'KMS_TIMEOUT'),
    answered(429, 'Too Many Requests', 'KMS_THROTTLED'),
    answered(503, '<html>Service Unavailable</html>', 'KMS_UNAVAILABLE'),
    answered(403, '<html>Forbidden by the proxy</html>', 'KEY_ACCESS_DENIED'),
    answered(404, '<html>Not Found</html>', 'KEY_NOT_FOUND'),
    answered(405, 'Method Not Allowed', 'KEY_MISCONFIGURED'),
    answered(200, '<html>log in</html>', 'KMS_UNAVAILABLE'),
    ...Object.entries(NETWORK_SAMPLES).map(([code, sample]) => system(code, sample, 'KMS_UNAVAILABLE')),
    system('AbortError', 'The operation was aborted.', 'KMS_TIMEOUT'),
    system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'KEY_MISCONFIGURED'),
  ];
}

function readVault(cause: Error): VendorVerdict {
  const error = vaultError(cause, undefined);
  const failure = failureOf(error);
  const ofUnwrap = unwrapFailureOf(error).reason;
  const keyside = keysideError(KEY_CONFIGURATION, failure, error);
  if (failure.confirm !== undefined) return { error: keyside, unless: { reason: 'KEY_REVOKED', when: CONFIRMED } };
  return { error: keyside, unless: ofUnwrap === failure.reason ? undefined : { reason: ofUnwrap, when: 'unwrapping' } };
}

/** As the SDK's RestError. */
function restError(status: number, code: string, message: string): Error {
  const outer = OUTER[status] ?? code;
  const error = outer === code ? { code, message } : { code: outer, message, innerError: { code } };
  return thrown(message, { name: 'RestError', statusCode: status, code: outer, details: { error } });
}
