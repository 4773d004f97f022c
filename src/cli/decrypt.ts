import type { Command } from 'commander';
import { toBase64 } from './base64.ts';
import { addCallOptions, type CallFlags, callMetadata, withClient } from './call-options.ts';
import { fieldCalled, parseDocument, toObject } from './document.ts';
import { UsageError } from './failure.ts';
import { checkFileNames, writeFieldFiles } from './field-files.ts';
import { type DecryptFileFlags, decryptFile } from './files/decrypt-file.ts';
import { addFileOptions, addRangeOptions, refuseTogether } from './files/file-options.ts';
import { readInput } from './input.ts';
import { invalid } from './json-input.ts';
import { type Terminal, writeLine } from './terminal.ts';

interface DecryptFlags extends CallFlags, Omit<DecryptFileFlags, 'file'> {
  readonly file?: string;
  readonly base64?: boolean;
  readonly outputDir?: string;
  readonly force?: boolean;
}

/** A byte order mark at the start is part of the text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function addDecrypt(program: Command, terminal: Terminal): void {
  const command = program
    .command('decrypt')
    .description(
      'decrypt a document that encrypt printed; prints a JSON object of texts by field name; or, with --file, a sealed file',
    )
    .argument('[file]', 'the document; - or nothing: standard input')
    .option('--tenant <id>', 'the tenant it was encrypted for (else what the document says)')
    .option('--base64', 'print values as base64 rather than text')
    .option('--output-dir <dir>', 'write each field into a file of its name (mode 0600) instead of printing')
    .option('--force', 'let --output-dir and --file replace files');
  addFileOptions(command, {
    file: 'open this file, which encrypt --file made; -: standard input',
    edek: 'with --file: where its wrapped key is, if not before the body',
  });
  addRangeOptions(command);
  addCallOptions(command).action((file: string | undefined, flags: DecryptFlags) => decrypt(file, flags, terminal));
}

async function decrypt(file: string | undefined, flags: DecryptFlags, terminal: Terminal): Promise<void> {
  if (flags.file !== undefined) {
    if (file !== undefined) throw new UsageError('--file names the input: leave the other one out');
    refuseTogether({ ...flags }, ['base64', 'outputDir'], 'is for documents: leave --file out');
    return decryptFile({ ...flags, file: flags.file }, terminal);
  }
  refuseTogether({ ...flags }, ['output', 'edek', 'offset', 'length', 'resume'], 'is for --file');
  const { base64 = false, outputDir, force = false } = flags;
  if (base64 && outputDir !== undefined) throw new UsageError('--output-dir writes bytes as they are: leave --base64 out');
  if (force && outputDir === undefined) throw new UsageError('--force is for --output-dir and --file');
  const document = parseDocument(await readInput(file, terminal));
  const metadata = callMetadata(flags, document);
  if (outputDir !== undefined) checkFileNames(document.fields.keys());
  const { fields } = await withClient(flags, terminal, (client) => client.decrypt(document, metadata));
  if (outputDir === undefined) {
    await writeLine(terminal.stdout, base64 ? JSON.stringify(toObject(fields, toBase64)) : renderTexts(fields));
    return;
  }
  for await (const line of writeFieldFiles(fields, { directory: outputDir, isForced: force })) {
    await writeLine(terminal.stdout, line);
  }
}

/** @throws {KeysideError} REQUEST_INVALID for a value that is no text, before any is printed */
function renderTexts(fields: ReadonlyMap<string, Uint8Array>): string {
  const texts = new Map([...fields].map(([name, value]) => [name, textOfField(name, value)]));
  return JSON.stringify(toObject(texts, (text) => text));
}

function textOfField(name: string, value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch {
    throw invalid(`${fieldCalled(name)} is no UTF-8 text: give --base64 or --output-dir`);
  }
}
