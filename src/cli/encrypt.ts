import { type Command, Option } from 'commander';
import { addCallOptions, type CallFlags, callMetadata, withClient } from './call-options.ts';
import { renderDocument } from './document.ts';
import { UsageError } from './failure.ts';
import { encryptFile } from './files/encrypt-file.ts';
import { addFileOptions, type FileFlags, refuseTogether } from './files/file-options.ts';
import { readInput } from './input.ts';
import { several } from './option-values.ts';
import { mergeFields, type PlainFormat, parsePlainFields, readFieldOptions } from './plain-fields.ts';
import { type Terminal, writeLine } from './terminal.ts';

interface EncryptFlags extends CallFlags, FileFlags {
  readonly base64?: boolean;
  readonly field?: readonly string[];
}

export function addEncrypt(program: Command, terminal: Terminal): void {
  const command = program
    .command('encrypt')
    .description(
      'encrypt a document: a JSON object of texts by field name, or --field options; prints what to store; or, with --file, a file of any size',
    )
    .argument('[file]', 'the input; - or nothing: standard input, unless there are --field options')
    .requiredOption('--tenant <id>', 'the tenant whose key is used')
    .addOption(
      new Option(
        '--field <name=text>',
        'a field; name=@file takes the content of a file (better for secrets: others can see a command line), name=@@text a text that begins with @; repeatable',
      ).argParser(several),
    )
    .option('--base64', 'values are base64 rather than text');
  addFileOptions(command, {
    file: 'seal this file as it is, whatever it holds and however large it is; -: standard input',
    edek: 'with --file: write the wrapped key here rather than before the body',
  }).option('--force', 'with --file: replace files');
  addCallOptions(command).action((file: string | undefined, flags: EncryptFlags) => encrypt(file, flags, terminal));
}

async function encrypt(file: string | undefined, flags: EncryptFlags, terminal: Terminal): Promise<void> {
  if (flags.file !== undefined) {
    if (file !== undefined) throw new UsageError('--file names the input: leave the other one out');
    refuseTogether({ ...flags }, ['field', 'base64'], 'is for documents: leave --file out');
    return encryptFile({ ...flags, file: flags.file }, terminal);
  }
  refuseTogether({ ...flags }, ['output', 'edek', 'force'], 'is for --file');
  const fields = await plainFields(file, flags, terminal);
  const metadata = callMetadata(flags);
  const encrypted = await withClient(flags, terminal, (client) => client.encrypt(fields, metadata));
  const { tenantId } = metadata;
  await writeLine(terminal.stdout, renderDocument({ tenantId, context: flags.context, ...encrypted }));
}

async function plainFields(file: string | undefined, { base64, field = [] }: EncryptFlags, terminal: Terminal) {
  const format: PlainFormat = { isBase64: base64 ?? false };
  const given = await readFieldOptions(field, format);
  if (file === undefined && given.size > 0) return given;
  return mergeFields(parsePlainFields(await readInput(file, terminal), format), given);
}
