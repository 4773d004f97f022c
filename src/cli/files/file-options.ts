import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSize } from '../../settings/units.ts';
import { UsageError } from '../failure.ts';

/** What encrypt and decrypt are told about a whole file. */
export interface FileFlags {
  readonly file?: string;
  readonly output?: string;
  readonly edek?: string;
  readonly force?: boolean;
  readonly tenant?: string;
}

/** A whole file's name behind which nothing is read but standard input. */
export const STDIN = '-';
/** What a sealed file's name ends in where none is chosen. */
export const SEALED_ENDING = '.keyside';

export function addFileOptions(command: Command, words: { readonly file: string; readonly edek: string }): Command {
  return command
    .option('--file <file>', words.file)
    .option('--output <file>', `with --file: what to write (else its name with or without ${SEALED_ENDING})`)
    .option('--edek <file>', words.edek);
}

export function addRangeOptions(command: Command): Command {
  return command
    .addOption(new Option('--offset <bytes>', 'with --file: the first byte of a part, such as 4096 or 1MiB').argParser(size))
    .addOption(new Option('--length <bytes>', 'with --file: the size of a part (else to the end)').argParser(size))
    .option('--resume', 'with --file: go on where a run that broke off left its part file');
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('It must be a number of bytes such as 4096, 16KiB or 1GiB.');
  return bytes;
}

/** @throws {UsageError} for options of one way that are given with the other */
export function refuseTogether(flags: Readonly<Record<string, unknown>>, names: readonly string[], why: string): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${why}`);
}
