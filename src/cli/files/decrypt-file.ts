import { Buffer } from 'node:buffer';
import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type KeysideClient, KeysideError } from '../../../clients/typescript/src/index.ts';
import { type CallFlags, callMetadata, withClient } from '../call-options.ts';
import { UsageError } from '../failure.ts';
import { invalid } from '../json-input.ts';
import { type Terminal, writeLine } from '../terminal.ts';
import { type FileFlags, SEALED_ENDING, STDIN } from './file-options.ts';
import { interruptible } from './interrupt.ts';
import { bytesOf, bytesOfInput, examineSealed, readEdek, type SealedFile, sizeOf } from './object-file.ts';
import { checkOutput, OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';

export interface DecryptFileFlags extends CallFlags, FileFlags {
  readonly file: string;
  readonly offset?: number;
  readonly length?: number;
  readonly resume?: boolean;
}

/** What the plaintext is called until it is whole: so that `--resume` finds it. */
const PART_ENDING = '.part';
/** Of a part file's end, in bytes: decrypted again and compared. */
const COMPARED_BYTES = 16_384;
/** What ends a run that may as well go on later. */
const TRANSIENT: readonly string[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'];

/** A decryption under way. */
interface Run {
  readonly flags: DecryptFileFlags;
  readonly terminal: Terminal;
  readonly path: string;
  readonly edek: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

/** Opens a sealed file or a part of it; what it makes has its name only once it is whole. Prints that name and the size. */
export async function decryptFile(flags: DecryptFileFlags, terminal: Terminal): Promise<void> {
  const { force: isForced = false } = flags;
  const path = outputOf(flags);
  checkOutput(path, { isForced });
  const edek = flags.edek === undefined ? undefined : await readEdek(flags.edek);
  await interruptible(terminal, (signal) => {
    const run: Run = { flags, terminal, path, edek, signal };
    if (flags.offset !== undefined || flags.length !== undefined) return decryptPart(run);
    return flags.resume ? resume(run) : decryptWhole(run);
  });
  await writeLine(terminal.stdout, `${path}: ${await sizeOf(path)} bytes`);
}

/** @throws {UsageError} for what does not go together */
function outputOf({ file, output, tenant, offset, length, resume: isResumed }: DecryptFileFlags): string {
  const isPart = offset !== undefined || length !== undefined;
  if (tenant === undefined) throw new UsageError('a sealed file names no tenant: give --tenant');
  if (isPart && isResumed) throw new UsageError('--resume is for whole files: leave --offset and --length out');
  if (file === STDIN && (isPart || isResumed)) throw new UsageError('standard input is read from its beginning: name a file');
  if (output !== undefined) return output;
  if (isPart) throw new UsageError('a part of a file has no name of its own: give --output');
  if (file.endsWith(SEALED_ENDING) && file.length > SEALED_ENDING.length) return file.slice(0, -SEALED_ENDING.length);
  throw new UsageError(`the name does not end in ${SEALED_ENDING}: give --output`);
}

async function decryptPart(run: Run): Promise<void> {
  const { file, offset = 0, length = Number.MAX_SAFE_INTEGER } = run.flags;
  const sealed = await examineSealed(file, run.edek);
  const total = Math.max(0, Math.min(length, sealed.objectBytes - offset));
  const output = await OutputFile.create(run.path);
  try {
    await receive(run, { output, total, chunks: (client) => rangeOf(client, run, { ...sealed, offset, length }) });
    await output.commit();
  } finally {
    await output.discard();
  }
}

async function decryptWhole(run: Run): Promise<void> {
  const { file, force } = run.flags;
  const part = run.path + PART_ENDING;
  if (force) await rm(part, { force: true });
  if (lstatSync(part, { throwIfNoEntry: false }) !== undefined) {
    throw invalid(`${part} is there from another run: --resume goes on with it, --force begins again`);
  }
  const total = file === STDIN ? undefined : await sizeOf(file);
  const output = await OutputFile.create(run.path, part);
  const ciphertext = file === STDIN ? bytesOfInput(run.terminal.stdin) : bytesOf(file);
  const { edek, signal } = run;
  try {
    await receive(run, {
      output,
      total,
      chunks: (client) => client.decryptStream(ciphertext, callMetadata(run.flags), { edek, signal }),
    });
    await output.commit();
  } catch (error) {
    if (isWorthKeeping(error, run) && output.size > 0) await keep(output, run);
    else await output.discard();
    throw error;
  }
}

/** Goes on behind what a part file holds. That is taken as it is, but for its end. */
async function resume(run: Run): Promise<void> {
  const part = run.path + PART_ENDING;
  const output = await OutputFile.continue(run.path, part);
  if (output === undefined) return decryptWhole(run);
  try {
    const sealed = await examineSealed(run.flags.file, run.edek);
    if (output.size > sealed.objectBytes) throw notItsBeginning(part);
    const offset = Math.max(0, output.size - COMPARED_BYTES);
    const end = await contentOf(part, offset);
    const range = { ...sealed, offset, length: Number.MAX_SAFE_INTEGER };
    const chunks = (client: KeysideClient) => behind(end, rangeOf(client, run, range), part);
    await receive(run, { output, total: sealed.objectBytes - output.size, chunks });
    await output.commit();
  } catch (error) {
    await keep(output, run);
    throw error;
  }
}

interface Reception {
  readonly output: OutputFile;
  readonly total: number | undefined;
  readonly chunks: (client: KeysideClient) => AsyncIterable<Uint8Array>;
}

/** Writes what the daemon gives. Of a whole file the progress is near enough that of its plaintext. */
async function receive({ flags, terminal }: Run, { output, total, chunks }: Reception): Promise<void> {
  const progress = new Progress(terminal, { total });
  try {
    await withClient(flags, terminal, async (client) => {
      for await (const chunk of progress.counting(chunks(client))) await output.write(chunk);
    });
  } finally {
    progress.end();
  }
}

function rangeOf(
  client: KeysideClient,
  { flags, signal }: Run,
  { edek, bodyOffset, objectBytes: objectSize, offset, length }: SealedFile & { offset: number; length: number },
): AsyncIterable<Uint8Array> {
  const read = (at: number, bytes: number) => bytesOf(flags.file, { offset: bodyOffset + at, length: bytes });
  return client.decryptRange({ edek, offset, length, objectSize, read }, callMetadata(flags), { signal });
}

/** What comes after `beginning`, once the chunks have begun with it. @throws {KeysideError} REQUEST_INVALID where they do not */
async function* behind(beginning: Uint8Array, chunks: AsyncIterable<Uint8Array>, part: string): AsyncGenerator<Uint8Array, void> {
  let compared = 0;
  for await (const chunk of chunks) {
    const known = chunk.subarray(0, beginning.length - compared);
    if (!Buffer.from(known).equals(beginning.subarray(compared, compared + known.length))) throw notItsBeginning(part);
    compared += known.length;
    if (known.length < chunk.length) yield chunk.subarray(known.length);
  }
  if (compared < beginning.length) throw notItsBeginning(part);
}

async function contentOf(file: string, offset: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytesOf(file, { offset })) pieces.push(piece);
  return Buffer.concat(pieces);
}

function isWorthKeeping(error: unknown, { signal }: Run): boolean {
  return signal.aborted || (error instanceof KeysideError && TRANSIENT.includes(error.code));
}

async function keep(output: OutputFile, { terminal }: Run): Promise<void> {
  await output.keep();
  await writeLine(terminal.stderr, `${output.temporary} keeps ${output.size} bytes of plaintext: --resume goes on from there`);
}

function notItsBeginning(part: string) {
  return invalid(`${part} is not the beginning of this object: --force without --resume begins again`);
}
