import { randomFillSync } from 'node:crypto';
import { access, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KeysideError } from '../../core/errors.ts';
import { DATA_KEY_BYTES } from '../../core/providers.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { fileError } from './errors.ts';
import { changeSecretFile, readSecretFile } from './key-file.ts';
import { type LocalKeyState, StoredKey } from './stored-key.ts';

/** What may be shown of a software key. */
export interface LocalKeySummary {
  readonly file: string;
  readonly id: string;
  readonly state: LocalKeyState;
  readonly versions: readonly { readonly version: number; readonly createdAt: string }[];
}

/** A file of a folder: a key, or why it is none. */
export type LocalKeyListing = LocalKeySummary | { readonly file: string; readonly problem: string };

/**
 * The key as its file states it now. The caller disposes of it.
 * @throws {KeysideError} KEY_NOT_FOUND, KEY_MISCONFIGURED, KMS_UNAVAILABLE
 */
export async function readKey(file: string): Promise<StoredKey> {
  const bytes = await readSecretFile(file);
  try {
    return StoredKey.parse(bytes, file);
  } finally {
    bytes.fill(0);
  }
}

/** Without the key bytes. */
export async function summariseKey(file: string): Promise<LocalKeySummary> {
  using key = await readKey(file);
  return summary(file, key);
}

/**
 * Makes a key with one version, and the folder (mode 0700) where it is missing.
 * @throws {KeysideError} REQUEST_INVALID for an id of another form; KEY_MISCONFIGURED where the file exists already
 */
export async function createKey(
  file: string,
  { id, now }: { readonly id: string; readonly now: Date },
): Promise<LocalKeySummary> {
  using key = StoredKey.empty(id).rotated(freshKey(), now);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw fileError(cause, dirname(file));
  });
  await changeSecretFile(file, async () => {
    if (await exists(file))
      throw new KeysideError('KEY_MISCONFIGURED', `local key store ${file} exists already; nothing was changed`);
    return key.serialise();
  });
  return summary(file, key);
}

/** Adds a version: it wraps from now on, and the older ones still unwrap. */
export async function rotateKey(file: string, { now }: { readonly now: Date }): Promise<LocalKeySummary> {
  return change(file, (key) => key.rotated(freshKey(), now));
}

/** The kill switch: until `enableKey`, the key neither wraps nor unwraps. */
export async function disableKey(file: string): Promise<LocalKeySummary> {
  return change(file, (key) => key.inState('disabled'));
}

export async function enableKey(file: string): Promise<LocalKeySummary> {
  return change(file, (key) => key.inState('enabled'));
}

/** Every `*.json` file of a folder, by name. @throws {KeysideError} KEY_NOT_FOUND where there is no such folder */
export async function listKeys(folder: string): Promise<readonly LocalKeyListing[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw fileError(cause, folder);
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(files.map((name) => listing(join(folder, name))));
}

async function listing(file: string): Promise<LocalKeyListing> {
  try {
    return await summariseKey(file);
  } catch (error) {
    return { file, problem: error instanceof Error ? error.message : 'unreadable' };
  }
}

/** Reads, changes and replaces the file while its lock is held, so that two commands at once cannot lose a version. */
async function change(file: string, edit: (key: StoredKey) => StoredKey): Promise<LocalKeySummary> {
  let changed: LocalKeySummary | undefined;
  await readKey(file).then((key) => key[Symbol.dispose]()); // a clear error, and no lock file, where there is no such key
  await changeSecretFile(file, async () => {
    const before = await readKey(file);
    using after = edit(before);
    changed = summary(file, after);
    return after.serialise();
  });
  return changed as LocalKeySummary;
}

function freshKey(): SecretBytes {
  return SecretBytes.own(randomFillSync(new Uint8Array(DATA_KEY_BYTES)));
}

function summary(file: string, { id, state, versions }: StoredKey): LocalKeySummary {
  return { file, id, state, versions: versions.map(({ version, createdAt }) => ({ version, createdAt })) };
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
