import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeysideError } from '../../core/errors.ts';
import { fileError, unfitFile } from './errors.ts';

/** Some thousand key versions; a larger file is not one of ours. */
const MAX_FILE_BYTES = 1024 * 1024;

/** No waiting on a pipe, and no following of a link that somebody else may turn elsewhere. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The bytes of a secret file; the caller zeroes them.
 * @throws {KeysideError} KEY_NOT_FOUND; KEY_MISCONFIGURED where it is not a regular file of our own that nobody else may open;
 * KMS_UNAVAILABLE where reading fails
 */
export async function readSecretFile(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, READ_FLAGS);
    return await readAll(handle, await checkedSize(handle, file));
  } catch (cause) {
    throw fileError(cause, file);
  } finally {
    await handle?.close();
  }
}

async function checkedSize(handle: FileHandle, file: string): Promise<number> {
  const { mode, uid, size } = await handle.stat();
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw unfitFile(file, 'is not a regular file');
  if (size > MAX_FILE_BYTES) throw unfitFile(file, `has ${size} bytes, at most ${MAX_FILE_BYTES} are allowed`);
  const ourUid = process.getuid?.();
  if (ourUid === undefined) return size; // Windows has neither owners nor modes of this kind
  if (uid !== ourUid) {
    throw unfitFile(
      file,
      `belongs to user ${uid} and the daemon runs as user ${ourUid}; mend it with \`chown ${ourUid} ${file}\``,
    );
  }
  const permissions = mode & 0o777;
  if ((permissions & 0o077) !== 0) {
    throw unfitFile(file, `has mode 0${permissions.toString(8)}, so others may open it; mend it with \`chmod 600 ${file}\``);
  }
  return size;
}

/** On memory of its own, not on Node's shared pool, so that zeroing it is enough. */
async function readAll(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/**
 * Replaces a secret file by what `change` yields: exclusively, since `change` runs while `<file>.lock` is ours, and atomically, since
 * the new content is on disk before it takes the file's name. Mode 0600.
 * @throws {KeysideError} KEY_MISCONFIGURED where the lock file exists already; what `change` throws
 */
export async function changeSecretFile(file: string, change: () => Promise<string>): Promise<void> {
  const lock = `${file}.lock`;
  const handle = await openLock(lock, file);
  let isReplaced = false;
  try {
    await handle.writeFile(await change());
    await handle.sync();
    await rename(lock, file);
    isReplaced = true;
    await syncFolder(dirname(file));
  } catch (cause) {
    throw fileError(cause, file);
  } finally {
    await handle.close();
    if (!isReplaced) await rm(lock, { force: true });
  }
}

async function openLock(lock: string, file: string): Promise<FileHandle> {
  try {
    return await open(lock, 'wx', 0o600);
  } catch (cause) {
    const isHeld = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (!isHeld) throw fileError(cause, file);
    const says = `is being changed by another command, or one was interrupted; when none is running, remove ${lock}`;
    throw new KeysideError('KEY_MISCONFIGURED', `local key store ${file} ${says}`, { cause });
  }
}

/** Makes the new name itself durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
