import { join } from 'node:path';
import { Option } from 'commander';
import type { Terminal } from './terminal.ts';

const DEFAULT_STATE_DIR = '.keyside';

type Environment = Terminal['environment'];

export function configOption(environment: Environment): Option {
  const option = new Option('--config <file>', 'configuration file (KEYSIDE_CONFIG; else keyside.yaml in the state directory)');
  const { KEYSIDE_CONFIG: file } = environment;
  return file ? option.default(file) : option;
}

export function stateDirOption(environment: Environment): Option {
  return new Option('--state-dir <dir>', 'directory of the demo configuration (KEYSIDE_STATE_DIR)').default(
    stateDir(environment),
  );
}

export function stateDir(environment: Environment): string {
  return environment.KEYSIDE_STATE_DIR || DEFAULT_STATE_DIR;
}

/** The configuration file that the daemon would take. */
export function configFile(options: { readonly config?: string | undefined; readonly stateDir: string }): string {
  return options.config ?? join(options.stateDir, 'keyside.yaml');
}
