import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KeysideError } from '../../core/errors.ts';
import { invalid } from '../json-input.ts';

export interface OutputOptions {
  /** A file of the final name is replaced. */
  readonly isForced: boolean;
}

/** What stands in the way of writing `path`, before anything is done. @throws {KeysideError} REQUEST_INVALID */
export function checkOutput(path: string, { isForced }: OutputOptions): void {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  // Renaming would take the name from a device or a socket, too.
  if (!facts.isFile() && !facts.isSymbolicLink()) throw invalid(`${path} is no regular file`);
  if (!isForced) throw invalid(`${path} exists already: --force replaces it`);
}

/** A name beside `path` that nothing has. */
function nameBeside(path: string): string {
  return join(dirname(path), `.keyside-${randomUUID()}`);
}

/**
 * A file that has its final name only when it is whole: until then it is written, mode 0600, under another name in the same folder.
 * A link of the final name is replaced, not followed.
 */
export class OutputFile {
  readonly path: string;
  readonly temporary: string;
  readonly #handle: FileHandle;
  /** How much is written, in bytes. */
  size: number;

  private constructor(names: { readonly path: string; readonly temporary: string }, handle: FileHandle, size: number) {
    this.path = names.path;
    this.temporary = names.temporary;
    this.#handle = handle;
    this.size = size;
  }

  /** @throws {KeysideError} REQUEST_INVALID, also where `temporary` is there already */
  static async create(path: string, temporary = nameBeside(path)): Promise<OutputFile> {
    return new OutputFile({ path, temporary }, await writable(temporary, open(temporary, 'wx', 0o600)), 0);
  }

  /** Goes on behind what `temporary` holds; undefined where there is none. @throws {KeysideError} REQUEST_INVALID */
  static async continue(path: string, temporary: string): Promise<OutputFile | undefined> {
    const facts = lstatSync(temporary, { throwIfNoEntry: false });
    if (facts === undefined) return undefined;
    if (!facts.isFile()) throw invalid(`${temporary} is no regular file`);
    return new OutputFile({ path, temporary }, await writable(temporary, open(temporary, 'r+')), facts.size);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await writable(this.temporary, this.#handle.write(bytes, at, bytes.length - at, this.size));
      at += bytesWritten;
      this.size += bytesWritten;
    }
  }

  /** Gives the file its final name, once it is on the disk. */
  async commit(): Promise<void> {
    await writable(this.temporary, this.#handle.sync());
    await this.#handle.close();
    await writable(this.path, rename(this.temporary, this.path));
  }

  /** Leaves nothing behind. After `commit` it does nothing. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.temporary, { force: true });
  }

  /** Leaves what is written under the other name. */
  async keep(): Promise<void> {
    await this.#handle.close();
  }
}

async function writable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw unwritable(path, String(error.code));
  }
}

function unwritable(path: string, code: string): KeysideError {
  if (code === 'EEXIST') return invalid(`${path} exists already`);
  return invalid(`${path} cannot be written: ${code === 'ENOENT' ? 'no such folder' : code}`);
}
