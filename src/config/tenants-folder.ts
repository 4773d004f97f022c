import { opendirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatSize } from '../settings/units.ts';
import { codeOf, decodeText, problemOf } from './file-problem.ts';

/** Beyond this a file is refused: its syntax tree takes some forty times its size. More tenants go into more files. */
const MAX_FILE_BYTES = 32 * 2 ** 20;

/** Within this time of a file's last change a second change may leave the same time stamp. */
const STAMP_GRAIN_MS = 2_000;

const ENTRIES_AT_ONCE = 512;

export interface ObservedFile {
  readonly file: string;
  /** Changes with the file's content. */
  readonly signature: string;
}

/**
 * The tenants file at the path, or every `*.yaml` and `*.yml` in the folder there that is not hidden, one at a time: a folder of a
 * hundred thousand files must not leave a hundred thousand objects behind at each look. Reads no content.
 * @throws an error of the file system where the path itself cannot be read
 */
export function* observeFiles(path: string): Generator<ObservedFile, void, void> {
  if (!statSync(path).isDirectory()) {
    yield { file: path, signature: signatureOf(path, true) ?? 'gone' };
    return;
  }
  const folder = opendirSync(path, { bufferSize: ENTRIES_AT_ONCE });
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (!isTenantsFileName(entry.name) || entry.isDirectory()) continue;
      const file = join(path, entry.name);
      const signature = signatureOf(file, entry.isSymbolicLink());
      if (signature !== undefined) yield { file, signature };
    }
  } finally {
    folder.closeSync();
  }
}

/** All of `observeFiles`, by file. Never throws. */
export type Observation = { readonly signatures: ReadonlyMap<string, string> } | { readonly problem: string };

export function observe(path: string): Observation {
  try {
    return { signatures: new Map([...observeFiles(path)].map(({ file, signature }) => [file, signature])) };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/**
 * Whether `observeFiles` would see these files with these signatures and no others. Never blocks, however slow the file system. False
 * where the path itself cannot be read.
 */
export async function isAsObserved(path: string, signatures: ReadonlyMap<string, string>): Promise<boolean> {
  try {
    if (!(await stat(path)).isDirectory()) return (await presentSignature(path, true)) === signatures.get(path);
    let seen = 0;
    for await (const entry of await opendir(path, { bufferSize: ENTRIES_AT_ONCE })) {
      if (!isTenantsFileName(entry.name) || entry.isDirectory()) continue;
      const file = join(path, entry.name);
      const signature = await presentSignature(file, entry.isSymbolicLink());
      if (signature !== signatures.get(file)) return false;
      if (signature !== undefined) seen += 1;
    }
    return seen === signatures.size;
  } catch {
    return false;
  }
}

function isTenantsFileName(name: string): boolean {
  return !name.startsWith('.') && /\.ya?ml$/.test(name);
}

/** Undefined where no file is. A link is followed: the signature changes when the link leads elsewhere. */
function signatureOf(file: string, isLink: boolean): string | undefined {
  try {
    const stats = statSync(file);
    return `${isLink ? realpathSync.native(file) : ''} ${stampOf(stats)}`;
  } catch (error) {
    return signatureOfTrouble(error);
  }
}

/** The same, without blocking. */
async function presentSignature(file: string, isLink: boolean): Promise<string | undefined> {
  try {
    const stats = await stat(file);
    return `${isLink ? await realpath(file) : ''} ${stampOf(stats)}`;
  } catch (error) {
    return signatureOfTrouble(error);
  }
}

function signatureOfTrouble(error: unknown): string | undefined {
  return codeOf(error) === 'ENOENT' ? undefined : `unreadable ${codeOf(error)}`;
}

function stampOf(stats: Stats): string {
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}

export interface FileContent {
  readonly text: string;
  readonly mtimeMs: number;
  /** The signature alone cannot yet tell this content from one written right after it. */
  readonly isFresh: boolean;
}

export type FileReading = FileContent | { readonly problem: string } | 'changing';

/** Reads a file whole: `changing` where it is no longer the one that was observed, so that no half of a write is ever taken for all. */
export function readObserved(file: string, signature: string): FileReading {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return { problem: 'is not a regular file' };
    if (stats.size > MAX_FILE_BYTES)
      return { problem: `is larger than ${formatSize(MAX_FILE_BYTES)}: split it into several files` };
    const bytes = readFileSync(file);
    if (bytes.length !== stats.size || !signature.endsWith(` ${stampOf(stats)}`)) return 'changing';
    if (stampOf(statSync(file)) !== stampOf(stats)) return 'changing';
    const text = decodeText(bytes);
    return { text, mtimeMs: stats.mtimeMs, isFresh: Date.now() - stats.mtimeMs < STAMP_GRAIN_MS };
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'changing' : { problem: problemOf(error) };
  }
}
