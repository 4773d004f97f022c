import { versusEmpty } from '../versus-empty.ts';

export const decryptVsEmpty = versusEmpty(
  'decrypt_vs_empty',
  {
    what: 'throughput of Decrypt of the same document with its data key in memory / of an empty call',
    goal: { atLeast: 0.75 },
  },
  { method: 'Decrypt' },
);
