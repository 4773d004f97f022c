import { versusEmpty } from '../versus-empty.ts';

export const encryptPureVsEmpty = versusEmpty(
  'encrypt_pure_vs_empty',
  {
    what: 'as encrypt_vs_empty, without the native cipher',
    goal: { atLeast: 0.45 },
    shortfall: 'A cipher object of `node:crypto` for each of the five fields costs several times what AES itself does.',
  },
  { method: 'Encrypt', isPure: true },
);
