import { versusEmpty } from '../versus-empty.ts';

export const encryptVsEmpty = versusEmpty(
  'encrypt_vs_empty',
  {
    what: 'throughput of Encrypt, a document of 1 KiB in five fields under a lease, 64 in flight / of an empty call of the same server',
    goal: { atLeast: 0.75 },
  },
  { method: 'Encrypt' },
);
