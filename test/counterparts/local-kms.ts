import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Recipe, run, TOOLS } from './harness.ts';

const VERSION = 'v0.0.0-20231025161602-e4d9425700fe';
const PACKAGE = 'github.com/nsmithuk/local-kms';

export const REGION = 'us-east-1';

/** An AWS KMS of its own: github.com/nsmithuk/local-kms (Go, MIT). Listens on all addresses; only loopback is used. */
export const LOCAL_KMS: Recipe = {
  name: 'local-kms (AWS KMS)',
  needs: ['go'],
  program: 'bin/local-kms',

  /** Through a module of our own, which pins the commit: `go install` looks for a version list that some proxies do not have. */
  async install() {
    const folder = await mkdtemp(join(tmpdir(), 'keyside-local-kms-'));
    try {
      await writeFile(join(folder, 'go.mod'), `module counterpart\n\ngo 1.26\n\nrequire ${PACKAGE} ${VERSION}\n`);
      await run('go', ['build', '-o', join(TOOLS, 'bin/local-kms'), PACKAGE], { cwd: folder, env: { GOFLAGS: '-mod=mod' } });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },

  command: (port, folder) => ({
    args: [],
    env: {
      PORT: String(port),
      KMS_REGION: REGION,
      KMS_ACCOUNT_ID: '111122223333',
      KMS_DATA_PATH: join(folder, 'data'),
      KMS_SEED_PATH: join(folder, 'no-seed.yaml'),
    },
  }),

  isUp: async (url) => (await fetch(url)).status === 405,
};
