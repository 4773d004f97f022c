import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KeysideError } from '../core/errors.ts';
import { fieldCalled } from './document.ts';
import { invalid } from './json-input.ts';

/** What file systems allow, in bytes. */
const MAX_NAME_BYTES = 255;

/** Separators of paths anywhere, and characters that a terminal or shell would act on when the folder is listed. */
const UNSAFE = /[/\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Precondition of writing: no field's name leads out of the folder. @throws {KeysideError} REQUEST_INVALID */
export function checkFileNames(names: Iterable<string>): void {
  for (const name of names) {
    const isSafe = name !== '' && name !== '.' && name !== '..' && !UNSAFE.test(name);
    if (isSafe && Buffer.byteLength(name) <= MAX_NAME_BYTES) continue;
    throw invalid(`${fieldCalled(name)} is no safe name for a file: decrypt without --output-dir`);
  }
}

export interface FieldFilesOptions {
  /** Made with mode 0700 where it is missing. */
  readonly directory: string;
  /** Files that are there are replaced; without it, one of them ends the command before anything is written. */
  readonly isForced: boolean;
}

/** Writes each field into a file of its name, mode 0600; yields a line for each. @throws {KeysideError} REQUEST_INVALID */
export async function* writeFieldFiles(
  fields: ReadonlyMap<string, Uint8Array>,
  { directory, isForced }: FieldFilesOptions,
): AsyncGenerator<string> {
  checkFileNames(fields.keys());
  await reported(directory, mkdir(directory, { recursive: true, mode: 0o700 }));
  if (!isForced) {
    for (const name of fields.keys()) {
      const file = join(directory, name);
      if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw existsAlready(file);
    }
  }
  for (const [name, value] of fields) {
    const file = join(directory, name);
    await reported(file, isForced ? replaceFile(file, value) : writeFile(file, value, { flag: 'wx', mode: 0o600 }));
    yield `${file}: ${value.length} bytes`;
  }
}

/** Takes the name from whatever bears it: a link is replaced, not followed, and an old file's mode is not inherited. */
async function replaceFile(file: string, value: Uint8Array): Promise<void> {
  const temporary = join(dirname(file), `.keyside-${randomUUID()}`);
  try {
    await writeFile(temporary, value, { flag: 'wx', mode: 0o600 });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

function existsAlready(file: string): KeysideError {
  return invalid(`${file} exists already: --force replaces it`);
}

async function reported(path: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'EEXIST') throw existsAlready(path);
    throw invalid(`${path} cannot be written: ${error.code}`);
  }
}
