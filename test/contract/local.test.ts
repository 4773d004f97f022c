import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCipher } from '../../src/cipher/node-cipher.ts';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import { localProvider } from '../../src/kms/local/provider.ts';
import { createKey, disableKey, enableKey, rotateKey } from '../../src/kms/local/store.ts';
import { kmsContract } from './kms-contract.ts';
import type { ContractSubject } from './kms-subject.ts';

const NO_NETWORK = 'the key is a file of this machine, with no network in between';

kmsContract('the local key store', {
  open: subject,
  notApplicable: {
    scheduleDeletion: 'a file is there or it is not',
    refused: 'who may read the file may use the key: the rights are those of the file',
    throttled: NO_NETWORK,
    unreachable: NO_NETWORK,
    hanging: NO_NETWORK,
    garbage: 'the wrap is opened in this process, and a key of another length is refused when the file is read',
    calls: 'no server counts calls',
  },
});

async function subject(): Promise<ContractSubject> {
  const folder = await mkdtemp(join(tmpdir(), 'keyside-local-'));
  const [file, otherFile] = [join(folder, 'main.json'), join(folder, 'other.json')];
  const now = new Date(0);
  for (const storeFile of [file, otherFile]) await createKey(storeFile, { id: 'acme', now });
  const provider = localProvider(nodeCipher());
  const open = (storeFile: string) => provider.open(parseKeyConfigurationId('acme-main'), { storeFile });
  return {
    key: open(file),
    otherKey: open(otherFile),
    unacceptedVersion: '01',
    disable: async () => void (await disableKey(file)),
    enable: async () => void (await enableKey(file)),
    rotate: async () => void (await rotateKey(file, { now })),
    destroy: () => rm(file),
    missing: async () => open(join(folder, 'nowhere.json')),
    close: () => rm(folder, { recursive: true }),
  };
}
