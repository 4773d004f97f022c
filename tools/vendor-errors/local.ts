import { FILE_ERRORS, fileError } from '../../src/kms/local/errors.ts';
import { systemError, type VendorError } from './vendor-error.ts';

/** What no row is for: reading the file may work later. */
const PASSING: Readonly<Record<string, string>> = {
  EIO: 'EIO: i/o error, read',
  EMFILE: "EMFILE: too many open files, open '/keys/acme.json'",
  ESTALE: "ESTALE: stale NFS file handle, open '/keys/acme.json'",
};

export function localErrors(): readonly VendorError[] {
  const read = (code: string, sample: string) => () => ({ error: fileError(systemError(code, sample), '/keys/acme.json') });
  return [
    ...Object.entries(FILE_ERRORS).map(
      ([code, { reason, says, sample }]): VendorError => ({
        place: 'The file system, by code',
        toldBy: code,
        sample,
        reason,
        says,
        read: read(code, sample),
      }),
    ),
    ...Object.entries(PASSING).map(
      ([code, sample]): VendorError => ({
        place: 'The file system, by any other code',
        toldBy: code,
        sample,
        reason: 'KMS_UNAVAILABLE',
        read: read(code, sample),
      }),
    ),
  ];
}
