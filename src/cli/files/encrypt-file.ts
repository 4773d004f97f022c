import type { KeysideClient } from '../../../clients/typescript/src/index.ts';
import { type CallFlags, callMetadata, withClient } from '../call-options.ts';
import { UsageError } from '../failure.ts';
import { type Terminal, writeLine } from '../terminal.ts';
import { type FileFlags, SEALED_ENDING, STDIN } from './file-options.ts';
import { interruptible } from './interrupt.ts';
import { bytesOf, bytesOfInput, sizeOf } from './object-file.ts';
import { checkOutput, OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';

export interface EncryptFileFlags extends CallFlags, FileFlags {
  readonly file: string;
}

/** Seals a file of any size; what it makes has its name only once it is whole. Prints that name and the size. */
export async function encryptFile(flags: EncryptFileFlags, terminal: Terminal): Promise<void> {
  const { file, edek: edekFile, force: isForced = false } = flags;
  const path = flags.output ?? defaultOutput(file);
  if (path === edekFile) throw new UsageError('--edek and --output name the same file');
  for (const each of edekFile === undefined ? [path] : [path, edekFile]) checkOutput(each, { isForced });
  const total = file === STDIN ? undefined : await sizeOf(file);
  const progress = new Progress(terminal, { total });
  const plaintext = progress.counting(file === STDIN ? bytesOfInput(terminal.stdin) : bytesOf(file));
  try {
    await interruptible(terminal, (signal) =>
      withClient(flags, terminal, (client) => seal(client, { flags, path, plaintext, signal })),
    );
  } finally {
    progress.end();
  }
  await writeLine(terminal.stdout, `${path}: ${await sizeOf(path)} bytes`);
}

interface Sealing {
  readonly flags: EncryptFileFlags;
  readonly path: string;
  readonly plaintext: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

async function seal(client: KeysideClient, { flags, path, plaintext, signal }: Sealing): Promise<void> {
  const output = await OutputFile.create(path);
  try {
    const isDetached = flags.edek !== undefined;
    const sealed = client.encryptStream(plaintext, callMetadata(flags), { isDetached, signal });
    for await (const chunk of sealed) await output.write(chunk);
    // The header first: a body without one would be lost.
    if (flags.edek !== undefined) await writeWhole(flags.edek, await sealed.edek);
    await output.commit();
  } finally {
    await output.discard();
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const output = await OutputFile.create(path);
  try {
    await output.write(bytes);
    await output.commit();
  } finally {
    await output.discard();
  }
}

function defaultOutput(file: string): string {
  if (file === STDIN) throw new UsageError('standard input has no name: give --output');
  return `${file}${SEALED_ENDING}`;
}
