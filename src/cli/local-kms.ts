import { join } from 'node:path';
import { type Command, Option } from 'commander';
import {
  createKey,
  disableKey,
  enableKey,
  type LocalKeyListing,
  type LocalKeySummary,
  listKeys,
  rotateKey,
  summariseKey,
} from '../kms/local/store.ts';
import { AlreadyReported, UsageError } from './failure.ts';
import { stateDir } from './state-options.ts';
import { type Terminal, writeLine } from './terminal.ts';

/** Ids of this form are names of files in one folder: no separators, not hidden, not `..`. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._:@-]{0,127}$/;

const LABEL = 'software key for development: whoever reads its file can read the data';

interface LocalKmsFlags {
  readonly dir: string;
  readonly json?: boolean;
}

interface KeyVerb {
  readonly name: string;
  readonly help: string;
  /** Said of the key once it is done. */
  readonly done: string;
  run(file: string, id: string): Promise<LocalKeySummary>;
}

const VERBS: readonly KeyVerb[] = [
  {
    name: 'create',
    help: 'make a key',
    done: 'created',
    run: (file, id) => createKey(file, { id, now: new Date() }),
  },
  {
    name: 'rotate',
    help: 'add a version: it wraps from now on, and the older ones still unwrap',
    done: 'rotated',
    run: (file) => rotateKey(file, { now: new Date() }),
  },
  {
    name: 'disable',
    help: "the customer's kill switch: the key neither wraps nor unwraps until it is enabled",
    done: 'disabled',
    run: disableKey,
  },
  { name: 'enable', help: 'end what disable began', done: 'enabled', run: enableKey },
];

export function addLocalKms(program: Command, terminal: Terminal): void {
  const group = program
    .command('local-kms')
    .description('make and change software keys in files: for development and small installations, not a KMS or HSM');
  const dir = (): Option =>
    new Option('--dir <dir>', 'folder of the key stores, <dir>/<name>.json').default(
      join(stateDir(terminal.environment), 'keys'),
    );
  for (const verb of VERBS) {
    group
      .command(verb.name)
      .description(verb.help)
      .argument('<name>', 'the key, and the name of its file')
      .addOption(dir())
      .option('--json', 'print JSON')
      .action((name: string, flags: LocalKmsFlags) => change(verb, { name, flags }, terminal));
  }
  group
    .command('list')
    .description('show the keys of the folder, or one of them; never any key bytes')
    .argument('[name]', 'one key')
    .addOption(dir())
    .option('--json', 'print JSON')
    .action((name: string | undefined, flags: LocalKmsFlags) => list(name, flags, terminal));
}

async function change(
  verb: KeyVerb,
  { name, flags }: { readonly name: string; readonly flags: LocalKmsFlags },
  { stdout }: Terminal,
): Promise<void> {
  const key = await verb.run(storeFile(name, flags.dir), name);
  await writeLine(stdout, flags.json ? JSON.stringify(key) : `${verb.done} ${inWords(key)}`);
  if (verb.name === 'create' && !flags.json) await writeLine(stdout, `  ${LABEL}`);
}

async function list(name: string | undefined, { dir, json }: LocalKmsFlags, { stdout }: Terminal): Promise<void> {
  const keys = name === undefined ? await listKeys(dir) : [await summariseKey(storeFile(name, dir))];
  if (json) await writeLine(stdout, JSON.stringify(keys));
  else for (const key of keys) await writeLine(stdout, inWords(key));
  if (keys.some((key) => 'problem' in key)) throw new AlreadyReported();
}

function storeFile(name: string, dir: string): string {
  if (!NAME.test(name)) {
    throw new UsageError(
      'the name of a key is 1 to 128 characters of A-Z a-z 0-9 . _ : @ - and begins with a letter, a digit or _',
    );
  }
  return join(dir, `${name}.json`);
}

function inWords(key: LocalKeyListing): string {
  if ('problem' in key) return `unusable: ${key.problem}`;
  const { id, state, versions, file } = key;
  const current = versions.at(-1);
  return `${id}: ${state}, version ${current?.version} of ${current?.createdAt}, ${file}`;
}
