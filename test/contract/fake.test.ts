import { DATA_KEY_BYTES } from '../../src/core/providers.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import { FakeKms } from '../fakes/fake-kms.ts';
import { contextOf } from './kms-calls.ts';
import { kmsContract } from './kms-contract.ts';
import type { ContractSubject } from './kms-subject.ts';

/** The fake keeps the contract too: tests that lean on it would prove nothing otherwise. */
for (const generates of [true, false]) {
  kmsContract(`the fake KMS ${generates ? 'with' : 'without'} a call that makes data keys`, {
    open: async () => subject(generates),
    notApplicable: { scheduleDeletion: 'the fake has no waiting period', destroy: 'the fake keeps the keys it was given' },
    behind: 'scripted',
  });
}

async function subject(generates: boolean): Promise<ContractSubject> {
  const kms = new FakeKms();
  kms.createKey('main');
  kms.createKey('other');
  const open = (name: string) => kms.open(name, { generates });
  const key = open('main');
  return {
    key,
    otherKey: open('other'),
    unacceptedVersion: 'v1',
    disable: async () => kms.disable('main'),
    enable: async () => kms.enable('main'),
    rotate: async () => kms.rotate('main'),
    missing: async () => open('nowhere'),
    refused: async () => {
      kms.script({ kind: 'denied' });
      return open('main');
    },
    throttled: async () => {
      kms.script({ kind: 'throttled' });
      return open('main');
    },
    unreachable: async () => {
      kms.script(...Array.from({ length: 6 }, () => ({ kind: 'unreachable' }) as const));
      return open('main');
    },
    hanging: async () => {
      const before = kms.calls.length;
      kms.script({ kind: 'hangs' });
      return { key: open('main'), reached: () => kms.reached(before + 1) };
    },
    garbage: async (bytes) => {
      using dataKey = SecretBytes.own(new Uint8Array(DATA_KEY_BYTES));
      const wrapped = await key.wrap({ dataKey, context: contextOf() }, new AbortController().signal);
      kms.script({ kind: 'garbage', bytes });
      return { key: open('main'), wrapped };
    },
    calls: () => kms.calls.length,
    close: async () => key.close(),
  };
}
