import type { Command } from 'commander';
import { addCallOptions, type CallFlags, callMetadata, withClient } from './call-options.ts';
import { parseDocument, renderDocument } from './document.ts';
import { readInput } from './input.ts';
import { type Terminal, writeLine } from './terminal.ts';

interface RewrapFlags extends CallFlags {
  readonly target?: string;
}

export function addRewrap(program: Command, terminal: Terminal): void {
  const command = program
    .command('rewrap')
    .description("wrap a document's key again under the tenant's present primary key; prints the document with its new edek")
    .argument('[file]', 'the document; - or nothing: standard input')
    .option('--tenant <id>', 'the tenant it was encrypted for (else what the document says)')
    .option('--target <key-id>', "the key to wrap under in place of the tenant's primary one");
  addCallOptions(command).action((file: string | undefined, flags: RewrapFlags) => rewrap(file, flags, terminal));
}

async function rewrap(file: string | undefined, flags: RewrapFlags, terminal: Terminal): Promise<void> {
  const document = parseDocument(await readInput(file, terminal));
  const metadata = callMetadata(flags, document);
  const input = { edek: document.edek, targetKeyId: flags.target };
  const { edek, keyId, isChanged } = await withClient(flags, terminal, (client) => client.rewrap(input, metadata));
  await writeLine(terminal.stdout, renderDocument({ ...document, edek }));
  await writeLine(terminal.stderr, `${isChanged ? 'changed' : 'unchanged'}: key ${keyId}`);
}
