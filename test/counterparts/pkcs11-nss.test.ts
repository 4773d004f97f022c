import { it } from 'node:test';
import { kmsContract } from '../contract/kms-contract.ts';
import { NSS, prepareHsm } from './pkcs11-modules.ts';
import { TokenOfficer } from './pkcs11-officer.ts';
import { gcmSealing, KWP_SEALING, oaepSealing } from './pkcs11-sealing.ts';
import { selfCheck } from './pkcs11-self-check.ts';
import { contractOf, Keyside } from './pkcs11-subject.ts';

const hsm = await prepareHsm(NSS);
if ('missing' in hsm) {
  it('HSMs, against NSS softokn', { skip: hsm.missing }, () => undefined);
} else {
  const officer = await TokenOfficer.at(hsm);
  const [on, preset] = [{ hsm, officer }, 'nss'];
  const kwp = await contractOf({ ...on, sealing: KWP_SEALING, settings: { preset } });
  const gcm = await contractOf({ ...on, sealing: gcmSealing(), settings: { preset, algorithm: 'aes-gcm' } });
  const oaep = await contractOf({ ...on, sealing: oaepSealing('sha256'), settings: { preset, keyClass: 'rsa' } });
  selfCheck('NSS softokn', { officer, keyside: new Keyside(hsm), settings: { preset } });
  kmsContract('an AES key in NSS softokn, key wrap,', kwp);
  kmsContract('an AES key in NSS softokn, GCM,', gcm);
  kmsContract('an RSA key in NSS softokn, OAEP with SHA-256,', oaep);
}
