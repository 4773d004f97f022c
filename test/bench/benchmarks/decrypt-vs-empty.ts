import { versusEmpty } from '../versus-empty.ts';

export const decryptVsEmpty = versusEmpty(
  'decrypt_vs_empty',
  {
    what: 'throughput of Decrypt of the same document with its data key in memory / of an empty call',
    goal: { atLeast: 0.75 },
    shortfall:
      'Not profiled yet on this version; beside what Encrypt does, a call reads the EDEK and looks up the data key by it.',
  },
  { method: 'Decrypt' },
);
