import { type ErrorReason, KeysideError } from '../../core/errors.ts';

interface Row {
  readonly reason: ErrorReason;
  /** Said after the file's name; words on how to mend it. */
  readonly says: string;
  /** What Node's error of this code reads like. */
  readonly sample: string;
}

/** What the file system says about a key store file, and what that means for the key. */
export const FILE_ERRORS: Readonly<Record<string, Row>> = {
  ENOENT: {
    reason: 'KEY_NOT_FOUND',
    says: 'does not exist',
    sample: "ENOENT: no such file or directory, open '/keys/acme.json'",
  },
  EACCES: {
    reason: 'KEY_MISCONFIGURED',
    says: 'may not be read by this user; give it to the user of the daemon with `chown`, mode 0600',
    sample: "EACCES: permission denied, open '/keys/acme.json'",
  },
  EPERM: {
    reason: 'KEY_MISCONFIGURED',
    says: 'may not be opened by this user; give it to the user of the daemon with `chown`, mode 0600',
    sample: "EPERM: operation not permitted, open '/keys/acme.json'",
  },
  ELOOP: {
    reason: 'KEY_MISCONFIGURED',
    says: 'is a symbolic link; name the file itself',
    sample: "ELOOP: too many symbolic links encountered, open '/keys/acme.json'",
  },
  ENOTDIR: {
    reason: 'KEY_MISCONFIGURED',
    says: 'lies below something that is not a folder',
    sample: "ENOTDIR: not a directory, open '/keys/acme.json/key'",
  },
  ENXIO: {
    reason: 'KEY_MISCONFIGURED',
    says: 'is not a regular file',
    sample: "ENXIO: no such device or address, open '/keys/socket'",
  },
  ENAMETOOLONG: {
    reason: 'KEY_MISCONFIGURED',
    says: 'has a name too long for its file system',
    sample: "ENAMETOOLONG: name too long, open '/keys/…'",
  },
};

/** EIO, EMFILE, ENFILE, ESTALE, ETIMEDOUT and the like: the file may well be there, and reading it may work later. */
const OTHERWISE: Omit<Row, 'sample'> = { reason: 'KMS_UNAVAILABLE', says: 'cannot be read at the moment' };

/** A failure of the file system as a reason. */
export function fileError(cause: unknown, file: string): KeysideError {
  if (cause instanceof KeysideError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const { reason, says } = FILE_ERRORS[code] ?? OTHERWISE;
  return new KeysideError(reason, `local key store ${file} ${says}`, { cause });
}

/** A file that is there but is not what it should be. */
export function unfitFile(file: string, says: string): KeysideError {
  return new KeysideError('KEY_MISCONFIGURED', `local key store ${file} ${says}`);
}
