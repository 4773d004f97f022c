import { type Command, Option } from 'commander';
import { addCallOptions, type CallFlags, callMetadata, withClient } from './call-options.ts';
import { renderDocument } from './document.ts';
import { readInput } from './input.ts';
import { several } from './option-values.ts';
import { mergeFields, type PlainFormat, parsePlainFields, readFieldOptions } from './plain-fields.ts';
import { type Terminal, writeLine } from './terminal.ts';

interface EncryptFlags extends CallFlags {
  readonly base64?: boolean;
  readonly field?: readonly string[];
}

export function addEncrypt(program: Command, terminal: Terminal): void {
  const command = program
    .command('encrypt')
    .description('encrypt a document: a JSON object of texts by field name, or --field options; prints what to store')
    .argument('[file]', 'the input; - or nothing: standard input, unless there are --field options')
    .requiredOption('--tenant <id>', 'the tenant whose key is used')
    .addOption(
      new Option(
        '--field <name=text>',
        'a field; name=@file takes the content of a file (better for secrets: others can see a command line), name=@@text a text that begins with @; repeatable',
      ).argParser(several),
    )
    .option('--base64', 'values are base64 rather than text');
  addCallOptions(command).action((file: string | undefined, flags: EncryptFlags) => encrypt(file, flags, terminal));
}

async function encrypt(file: string | undefined, flags: EncryptFlags, terminal: Terminal): Promise<void> {
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
