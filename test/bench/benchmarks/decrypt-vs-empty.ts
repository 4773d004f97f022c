import { versusEmpty } from '../versus-empty.ts';

export const decryptVsEmpty = versusEmpty(
  'decrypt_vs_empty',
  {
    what: 'throughput of Decrypt of the same document with its data key in memory / of an empty call',
    goal: { atLeast: 0.75 },
    shortfall:
      'As Encrypt, and beyond that the header and the key block are parsed and judged for each call, and the block is hashed to find its data key.',
  },
  { method: 'Decrypt' },
);
