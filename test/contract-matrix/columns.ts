import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Column {
  readonly name: string;
  readonly counterpart: string;
  /** The tests that show what this column says, from the root of the repository. */
  readonly files: readonly string[];
}

export const COLUMNS: readonly Column[] = [
  { name: 'local', counterpart: 'the key store itself', files: ['test/contract/local.test.ts'] },
  { name: 'aws', counterpart: 'local-kms', files: ['test/counterparts/aws.test.ts'] },
  { name: 'gcp', counterpart: 'gcp-kms-emulator, behind a front', files: ['test/counterparts/gcp.test.ts'] },
  {
    name: 'azure',
    counterpart: 'azure-keyvault-emulator, put in place by hand; a model of ours beside it',
    files: ['test/counterparts/azure.test.ts', 'test/unit/kms/azure/contract.test.ts'],
  },
  {
    name: 'vault',
    counterpart: 'OpenBao',
    files: ['test/counterparts/vault.test.ts', 'test/counterparts/vault-refusals.test.ts'],
  },
  { name: 'softhsm', counterpart: 'PKCS#11: SoftHSM', files: ['test/counterparts/pkcs11-softhsm.test.ts'] },
  { name: 'nss', counterpart: 'PKCS#11: NSS softokn', files: ['test/counterparts/pkcs11-nss.test.ts'] },
  { name: 'kmip', counterpart: 'PyKMIP', files: ['test/counterparts/kmip.test.ts'] },
];

export function filesOf(columns: readonly Column[]): readonly string[] {
  return columns.flatMap(({ files }) => files.map((file) => resolve(ROOT, file)));
}

/** Counterparts are started one file after another, as in `npm run test:counterparts`. */
export const RUN_OPTIONS = { concurrency: 1, timeout: 600_000, cwd: ROOT } as const;
