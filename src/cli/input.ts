import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { formatSize } from '../settings/units.ts';
import { UsageError } from './failure.ts';
import { invalid } from './json-input.ts';
import type { Terminal } from './terminal.ts';

/** Far above what a daemon takes; below what would fill the memory of this machine. */
const MAX_INPUT_BYTES = 256 * 2 ** 20;

const STDIN = '-';

/**
 * The content of a file, or of standard input for `-` and where no file is named.
 * @throws {UsageError} where nobody would type it; {KeysideError} REQUEST_INVALID where it cannot be read or is too large
 */
export async function readInput(file: string | undefined, { stdin }: Pick<Terminal, 'stdin'>): Promise<Uint8Array> {
  if (file !== undefined && file !== STDIN) return readFileBytes(file);
  if (file === undefined && stdin.isTTY) throw new UsageError('nothing to read: name a file, or pipe the input in');
  return readAll(stdin, 'standard input');
}

/** @throws {KeysideError} REQUEST_INVALID */
export async function readFileBytes(file: string): Promise<Uint8Array> {
  try {
    return await readAll(createReadStream(file), file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw invalid(`${file} cannot be read: ${error.code === 'ENOENT' ? 'no such file' : error.code}`);
  }
}

async function readAll(stream: Readable, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_INPUT_BYTES) throw invalid(`${name} is larger than ${formatSize(MAX_INPUT_BYTES)}`);
  }
  return Buffer.concat(chunks, length);
}
