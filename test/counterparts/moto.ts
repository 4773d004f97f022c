import { join } from 'node:path';
import { type Recipe, run, TOOLS } from './harness.ts';

/** STS (and other services) of AWS: moto (Python, Apache-2.0). Not for KMS: its disabled keys still decrypt. */
export const MOTO: Recipe = {
  name: 'moto (AWS STS)',
  needs: ['python3'],
  program: 'venv/bin/moto_server',

  async install() {
    const venv = join(TOOLS, 'venv');
    await run('python3', ['-m', 'venv', venv]);
    await run(join(venv, 'bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      'moto==5.2.5',
      'flask==3.1.3',
      'flask-cors==6.0.5',
    ]);
  },

  command: (port) => ({ args: ['-H', '127.0.0.1', '-p', String(port)] }),

  isUp: async (url) => (await fetch(`${url}/moto-api/data.json`)).ok,
};
