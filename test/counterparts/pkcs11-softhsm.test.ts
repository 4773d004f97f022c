import { it } from 'node:test';
import { kmsContract } from '../contract/kms-contract.ts';
import { prepareHsm, SOFTHSM } from './pkcs11-modules.ts';
import { TokenOfficer } from './pkcs11-officer.ts';
import { gcmSealing, KWP_SEALING, oaepSealing } from './pkcs11-sealing.ts';
import { selfCheck } from './pkcs11-self-check.ts';
import { contractOf, Keyside } from './pkcs11-subject.ts';

const hsm = await prepareHsm(SOFTHSM);
if ('missing' in hsm) {
  it('HSMs, against SoftHSM', { skip: hsm.missing }, () => undefined);
} else {
  const officer = await TokenOfficer.at(hsm);
  const [on, preset] = [{ hsm, officer }, 'softhsm'];
  // It knows OAEP with SHA-1 only, which is why that can be configured at all.
  const sha1 = { preset, keyClass: 'rsa', oaepHash: 'sha1', allowSha1ForTests: true };
  const kwp = await contractOf({ ...on, sealing: KWP_SEALING, settings: { preset } });
  const gcm = await contractOf({ ...on, sealing: gcmSealing(), settings: { preset, algorithm: 'aes-gcm' } });
  const oaep = await contractOf({ ...on, sealing: oaepSealing('sha1'), settings: sha1 });
  selfCheck('SoftHSM', { officer, keyside: new Keyside(hsm), settings: { preset } });
  kmsContract('an AES key in SoftHSM, key wrap,', kwp);
  kmsContract('an AES key in SoftHSM, GCM,', gcm);
  kmsContract('an RSA key in SoftHSM, OAEP with SHA-1,', oaep);
}
