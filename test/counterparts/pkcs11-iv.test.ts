import { it } from 'node:test';
import { kmsContract } from '../contract/kms-contract.ts';
import { prepareHsm, SOFTHSM } from './pkcs11-modules.ts';
import { TokenOfficer } from './pkcs11-officer.ts';
import { gcmSealing } from './pkcs11-sealing.ts';
import { contractOf } from './pkcs11-subject.ts';

/** HSMs that make the IV themselves, as their vendors describe them: a proxy before SoftHSM does what they do. */
const hsm = await prepareHsm(SOFTHSM);
if ('missing' in hsm) {
  it('HSMs that make the IV themselves', { skip: hsm.missing }, () => undefined);
} else {
  const on = { hsm, officer: await TokenOfficer.at(hsm) };
  const cloudHsm = { ...on, sealing: gcmSealing(12), settings: { preset: 'cloudhsm' }, script: ['gcm prefix'] };
  const lunaFips = { preset: 'luna-fips', algorithm: 'aes-gcm' };
  const luna = { ...on, sealing: gcmSealing(16), settings: lunaFips, script: ['gcm suffix'] };
  const [prefix, suffix] = [await contractOf(cloudHsm), await contractOf(luna)];
  kmsContract('an AES key whose HSM returns the IV before the ciphertext', prefix);
  kmsContract('an AES key whose HSM returns the IV after the ciphertext', suffix);
}
