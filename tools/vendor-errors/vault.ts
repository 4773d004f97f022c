import { LOGIN_ERRORS, TLS_ERRORS, TRANSIT_ERRORS } from '../../src/kms/vault/error-table.ts';
import { failureOf, judge, keysideError } from '../../src/kms/vault/errors.ts';
import type { TransitKeyFacts } from '../../src/kms/vault/key-facts.ts';
import { CredentialFileFault, DeadToken, OddAnswer, VaultRefusal } from '../../src/kms/vault/vault-server.ts';
import {
  CONFIRMED,
  KEY_CONFIGURATION,
  NETWORK_SAMPLES,
  SYSTEM_SAMPLES,
  systemError,
  type VendorError,
  type VendorVerdict,
} from './vendor-error.ts';

const SOFT_DELETED: TransitKeyFacts = {
  type: 'aes256-gcm96',
  isDerived: false,
  isSoftDeleted: true,
  isDeletionAllowed: false,
  isExportable: false,
  latestVersion: 1,
  minDecryptionVersion: 1,
};

export function vaultErrors(): readonly VendorError[] {
  const refusals = (place: string, path: string, rows: typeof TRANSIT_ERRORS) =>
    rows.map(({ status, part, reason, says, sample }): VendorError => {
      const error = new VaultRefusal({ method: 'POST', path }, { status, says: sample });
      const toldBy = part === '' ? `HTTP ${status}` : `HTTP ${status}: … ${part} …`;
      return { place, toldBy, sample, reason, says, code: `HTTP ${status}`, read: () => read(error) };
    });
  const ofLogins = LOGIN_ERRORS.filter((row) => !TRANSIT_ERRORS.includes(row));
  return [
    ...refusals('Transit (all statuses but 400, 403 and 404 mean the same of a login)', 'transit/decrypt/acme', TRANSIT_ERRORS),
    ...refusals('Logins', 'auth/approle/login', ofLogins),
    ...TLS_ERRORS.map(({ code: pattern, says, sample: code }): VendorError => {
      const sample = SYSTEM_SAMPLES[code] ?? '';
      const error = systemError(code, sample);
      const toldBy = `${code}; all of ${pattern.source}`;
      return { place: 'TLS, by code', toldBy, sample, reason: 'KEY_MISCONFIGURED', says, code, read: () => read(error) };
    }),
    ...others(),
  ];
}

function others(): readonly VendorError[] {
  const place = 'What is in no table of words';
  const line = (toldBy: string, sample: string, error: Error): Omit<VendorError, 'reason'> => ({
    place,
    toldBy,
    sample,
    read: () => read(error),
  });
  const answered = (status: number, says: string) =>
    line(`HTTP ${status}`, says, new VaultRefusal({ method: 'POST', path: 'transit/decrypt/acme' }, { status, says }));
  return [
    { ...answered(502, '<html>Bad Gateway</html>'), reason: 'KMS_UNAVAILABLE' },
    { ...answered(301, '<html>Moved Permanently</html>'), reason: 'KEY_MISCONFIGURED' },
    { ...answered(400, 'missing client token'), reason: 'KEY_MISCONFIGURED' },
    { ...line('an answer that is not JSON', '<html>log in</html>', new OddAnswer('not JSON')), reason: 'KMS_UNAVAILABLE' },
    {
      ...line('a token that `lookup-self` does not know', '1 error occurred: * permission denied', new DeadToken('expired')),
      reason: 'KEY_MISCONFIGURED',
    },
    {
      ...line(
        'a credential file',
        "ENOENT: no such file or directory, open '/run/token'",
        new CredentialFileFault('file', 'ENOENT'),
      ),
      reason: 'KEY_MISCONFIGURED',
    },
    ...Object.entries(NETWORK_SAMPLES).map(
      ([code, sample]): VendorError => ({ ...line(code, sample, systemError(code, sample)), reason: 'KMS_UNAVAILABLE' }),
    ),
  ];
}

function read(error: Error): VendorVerdict {
  const failure = failureOf(error);
  const confirmed = failure.isToConfirm
    ? judge(failure, { facts: SOFT_DELETED, wasThere: true, keyVersion: '1' }).reason
    : undefined;
  return {
    error: keysideError(KEY_CONFIGURATION, failure, error),
    unless: confirmed === undefined ? undefined : { reason: confirmed, when: CONFIRMED },
  };
}
