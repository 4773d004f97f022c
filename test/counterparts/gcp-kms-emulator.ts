import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GcpAccount } from './gcp-account.ts';
import { type Recipe, run, TOOLS } from './harness.ts';

const VERSION = 'v0.8.1';
const MODULE = 'github.com/blackwell-systems/gcp-kms-emulator';

/** A Google Cloud KMS of its own: gcp-kms-emulator (Go, Apache-2.0). In memory; listens on all addresses, only loopback is used. */
export const GCP_KMS_EMULATOR: Recipe = {
  name: 'gcp-kms-emulator (Google Cloud KMS)',
  needs: ['go'],
  program: 'bin/gcp-kms-emulator',

  /** Through a module of our own, which pins the version. */
  async install() {
    const folder = await mkdtemp(join(tmpdir(), 'keyside-gcp-kms-emulator-'));
    try {
      await writeFile(join(folder, 'go.mod'), `module counterpart\n\ngo 1.26\n\nrequire ${MODULE} ${VERSION}\n`);
      const args = ['build', '-o', join(TOOLS, 'bin/gcp-kms-emulator'), `${MODULE}/cmd/server`];
      await run('go', args, { cwd: folder, env: { GOFLAGS: '-mod=mod' } });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },

  command: (port) => ({ args: ['--port', String(port)] }),

  async isUp(url) {
    const account = new GcpAccount(url);
    try {
      return await account.isReachable();
    } finally {
      account.close();
    }
  },
};
