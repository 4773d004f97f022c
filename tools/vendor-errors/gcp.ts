import { CREDENTIAL_ERRORS, credentialsError } from '../../src/kms/gcp/credential-errors.ts';
import { EKM_ERRORS, INFO_ERRORS, STATUS_ERRORS } from '../../src/kms/gcp/error-table.ts';
import { failureOf, judge, keysideError } from '../../src/kms/gcp/errors.ts';
import type { GcpVersionFacts } from '../../src/kms/gcp/gcp-kms.ts';
import {
  CONFIRMED,
  KEY_CONFIGURATION,
  NETWORK_SAMPLES,
  systemError,
  thrown,
  type VendorError,
  type VendorVerdict,
} from './vendor-error.ts';

const KEY_NAME = 'projects/acme-prod/locations/europe-west3/keyRings/keyside/cryptoKeys/main';

export function gcpErrors(): readonly VendorError[] {
  const statuses = Object.entries(STATUS_ERRORS).map(([status, { reason, says, sample }]): VendorError => {
    const error = gaxError(status, sample);
    return { place: 'Cloud KMS, by gRPC status', toldBy: status, sample, reason, says, code: status, read: () => read(error) };
  });
  const infos = Object.entries(INFO_ERRORS).map(([info, { reason, says, sample }]): VendorError => {
    const status = reason === 'KMS_THROTTLED' ? 'RESOURCE_EXHAUSTED' : 'PERMISSION_DENIED';
    const error = gaxError(status, sample, { reason: info, domain: 'googleapis.com' });
    return {
      place: 'Cloud KMS, by ErrorInfo',
      toldBy: `${status}, ${info}`,
      sample,
      reason,
      says,
      code: info,
      read: () => read(error),
    };
  });
  const external = Object.entries(EKM_ERRORS).map(([type, { reason, says, sample }]): VendorError => {
    const error = gaxError('FAILED_PRECONDITION', sample, { statusDetails: [{ violations: [{ type, subject: KEY_NAME }] }] });
    const place = 'Cloud EKM, by the violation of a FAILED_PRECONDITION';
    return { place, toldBy: type, sample, reason, says, code: type, read: () => read(error) };
  });
  return [...statuses, ...infos, ...external, ...byWords(), ...credentials(), ...tokenService()];
}

function byWords(): readonly VendorError[] {
  const place = 'Cloud KMS, by its words';
  const mismatch = 'The checksum in field plaintext_crc32c did not match the data in field plaintext.';
  const untrusted = 'No connection established. Last error: Error: self-signed certificate';
  const line = (status: string, part: string, sample: string): Omit<VendorError, 'reason'> => ({
    place,
    toldBy: `${status}: … ${part} …`,
    sample,
    read: () => read(gaxError(status, sample)),
  });
  return [
    { ...line('INVALID_ARGUMENT', 'checksum in field … did not match', mismatch), reason: 'KMS_UNAVAILABLE' },
    { ...line('UNAVAILABLE', 'self-signed certificate', untrusted), reason: 'KEY_MISCONFIGURED' },
  ];
}

function credentials(): readonly VendorError[] {
  return [...CREDENTIAL_ERRORS].map(([word, { reason, says, samples }]): VendorError => {
    const sample = samples[word] ?? '';
    const isOauth = /^[a-z_]+$/.test(word);
    const data = isOauth ? { error: word, error_description: sample } : { error: { status: word, message: sample } };
    const place = 'Security Token Service and IAM Credentials, by word';
    return {
      place,
      toldBy: word,
      sample,
      reason,
      says,
      code: word,
      read: () => readCredentials({ response: { status: 400, data } }),
    };
  });
}

function tokenService(): readonly VendorError[] {
  const line = (toldBy: string, reason: VendorError['reason'], error: Error): VendorError => ({
    place: 'Token services, without a word',
    toldBy,
    sample: error.message,
    reason,
    read: () => readCredentials(error),
  });
  const answered = (words: string, status: number) => thrown(words, { response: { status } });
  const missing = "ENOENT: no such file or directory, open '/run/token'";
  return [
    line('HTTP 429', 'KMS_THROTTLED', answered('Too many requests', 429)),
    line('HTTP 503', 'KMS_UNAVAILABLE', answered('Service Unavailable', 503)),
    line('TimeoutError', 'KMS_TIMEOUT', thrown('The operation was aborted due to timeout', { name: 'TimeoutError' })),
    line('ENOENT', 'KEY_MISCONFIGURED', systemError('ENOENT', missing)),
    line('CERT_HAS_EXPIRED', 'KEY_MISCONFIGURED', systemError('CERT_HAS_EXPIRED', 'certificate has expired')),
    ...Object.entries(NETWORK_SAMPLES).map(([code, sample]) => line(code, 'KMS_UNAVAILABLE', systemError(code, sample))),
    line('no code', 'KEY_MISCONFIGURED', thrown('Could not load the default credentials.', {})),
  ];
}

function read(error: Error): VendorVerdict {
  const failure = failureOf(error, 'encrypt');
  const keyside = keysideError(KEY_CONFIGURATION, failure, error);
  const ofDecrypt = failureOf(error, 'decrypt').reason;
  if (ofDecrypt !== failure.reason) return { error: keyside, unless: { reason: ofDecrypt, when: 'decrypting' } };
  if (!failure.isToConfirm) return { error: keyside };
  const version: GcpVersionFacts = { name: `${KEY_NAME}/cryptoKeyVersions/1`, state: 'DISABLED', protectionLevel: 'HSM' };
  const { reason } = judge(failure, { key: { purpose: 'ENCRYPT_DECRYPT', primary: version }, version });
  return { error: keyside, unless: { reason, when: CONFIRMED } };
}

function readCredentials(cause: unknown): VendorVerdict {
  const error = credentialsError(cause);
  return { error: keysideError(KEY_CONFIGURATION, failureOf(error, 'encrypt'), error) };
}

/** As google-gax's GoogleError. */
function gaxError(status: string, words: string, more: Readonly<Record<string, unknown>> = {}): Error {
  const code = STATUS_ERRORS[status]?.code;
  return thrown(`${code} ${status}: ${words}`, { code, details: words, ...more });
}
