import { versusEmpty } from '../versus-empty.ts';

export const encryptVsEmpty = versusEmpty(
  'encrypt_vs_empty',
  {
    what: 'throughput of Encrypt, a document of 1 KiB in five fields under a lease, 64 in flight / of an empty call of the same server',
    goal: { atLeast: 0.75 },
    shortfall:
      'Less than half of what Encrypt costs beyond an empty call is what a document costs in a batch too; the rest is the message and its answer, the log line and what the call leaves to the collector, half as much again as an empty one.',
  },
  { method: 'Encrypt' },
);
