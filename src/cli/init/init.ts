import { lstatSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { CONFIGURED_PROVIDERS, type ConfiguredProvider } from '../../config/provider-settings.ts';
import { invalid } from '../json-input.ts';
import { stateDir } from '../state-options.ts';
import { type Terminal, write } from '../terminal.ts';
import { KEY_EXAMPLES } from './key-examples.ts';
import {
  STARTER_CONFIGURATION,
  STARTER_ORIGIN_KEY,
  STARTER_SECRETS,
  STARTER_TENANT,
  STARTER_TENANTS_FILE,
  STARTER_TOKEN,
  type StarterFile,
  starterFiles,
} from './starter-files.ts';

/** What a shell takes as it is. */
const PLAIN_WORD = /^[A-Za-z0-9_./:@%+,-]+$/;

interface InitFlags {
  readonly provider: ConfiguredProvider;
}

export function addInit(program: Command, { environment, stdout }: Terminal): void {
  program
    .command('init')
    .description('write a commented configuration to begin with; replaces no file')
    .argument('[dir]', 'folder of the configuration, made where it is missing', stateDir(environment))
    .addOption(
      new Option('--provider <name>', "kind of KMS of the example tenant's key").choices(CONFIGURED_PROVIDERS).default('local'),
    )
    .action(async (directory: string, { provider }: InitFlags) => {
      const files = starterFiles(provider);
      await writeStarter(directory, files);
      const made = files.map(({ path, what }) => `made ${join(directory, path)}: ${what}\n`);
      await write(stdout, `${made.join('')}\n${nextSteps(directory, provider)}`);
    });
}

/**
 * Writes every file with mode 0600, its folder with 0700 where it is missing.
 * @throws {KeysideError} REQUEST_INVALID where a file is there already (then nothing is written) or cannot be written
 */
async function writeStarter(directory: string, files: readonly StarterFile[]): Promise<void> {
  const present = files.map(({ path }) => join(directory, path)).filter(isThere);
  if (present.length > 0) throw invalid(`${present.join(', ')}: exists already; nothing was written`);
  for (const { path, content } of files) {
    const file = join(directory, path);
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      if (typeof content === 'string') await writeFile(file, content, { flag: 'wx', mode: 0o600 });
      else await content(file);
    } catch (error) {
      throw unwritable(file, error);
    }
  }
}

/** A link that leads nowhere counts. What cannot be looked at is found out by writing. */
function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function unwritable(file: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  return invalid(error.code === 'EEXIST' ? `${file} exists already` : `${file} cannot be written: ${error.code}`);
}

function nextSteps(directory: string, provider: ConfiguredProvider): string {
  const inFolder = (path: string): string => quoted(join(directory, path));
  const config = inFolder(STARTER_CONFIGURATION);
  const steps = [
    ...(provider === 'local' ? [] : [`replace what is marked \`yours\` in ${inFolder(STARTER_TENANTS_FILE)}`]),
    ...Object.entries(KEY_EXAMPLES[provider].secrets ?? {}).map(
      ([name, what]) => `put ${what} into ${inFolder(join(STARTER_SECRETS, name))}, mode 0600`,
    ),
    `check it:        keyside doctor --config ${config}`,
    `run the daemon:  keyside sidecar --config ${config}`,
    `encrypt:         echo '{"ssn":"123-45-6789"}' | keyside encrypt --tenant ${STARTER_TENANT} --token-file ${inFolder(STARTER_TOKEN)}`,
  ];
  return [
    'Next:',
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    `What the customer creates: docs/providers/${provider}.md. The files are yours alone: give them to the daemon's user.`,
    `Every daemon of the deployment needs the same ${inFolder(STARTER_ORIGIN_KEY)}: keep a copy where you keep secrets.`,
    '',
  ].join('\n');
}

/** As one word for a POSIX shell. */
function quoted(path: string): string {
  return PLAIN_WORD.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
