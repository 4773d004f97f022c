import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { Authority, writeCertificate } from '../unit/kms/kmip/certificates.ts';
import { type Cases, WHO } from './doctor-patient.ts';
import { startCounterpart } from './harness.ts';
import { KmipAdmin } from './kmip-admin.ts';
import { kmipCertificates, pykmip } from './kmip-pykmip.ts';
import { ProxiedModule, prepareHsm, SOFTHSM } from './pkcs11-modules.ts';
import { TokenOfficer } from './pkcs11-officer.ts';

const WRONG_PIN = '736491';

/** A token of SoftHSM, behind a proxy that counts. */
export async function pkcs11Cases(): Promise<Cases> {
  const hsm = await prepareHsm(SOFTHSM);
  if ('missing' in hsm) return hsm;
  const officer = await TokenOfficer.at(hsm);
  after(() => officer.close());
  const proxied = await ProxiedModule.before(hsm);
  const [{ id, label }, forbidden] = [officer.createSecretKey(), officer.createSecretKey()];
  officer.forbid(forbidden);
  const wrongPin = join(hsm.folder, 'wrong-pin');
  await writeFile(wrongPin, WRONG_PIN, { mode: 0o600 });
  const { module, pinFile, tokenLabel } = hsm;
  const sound = { module, preset: 'softhsm', pinFile, token: { label: tokenLabel }, key: { id, label } };
  const pkcs11 = { provider: 'pkcs11' } as const;
  return [
    {
      ...pkcs11,
      name: 'a wrong PIN, which is tried once',
      break: async () => ({ ...sound, module: proxied.module, pinFile: wrongPin }),
      reason: 'KEY_MISCONFIGURED',
      who: WHO.operator,
      says: [/PIN/, /put the right one into `pinFile` \(it is not tried again until the file changes/],
      secrets: [WRONG_PIN],
      afterwards: () => assert.equal(proxied.count('C_Login'), 1),
    },
    {
      ...pkcs11,
      name: 'a module that is not there',
      break: async () => ({ ...sound, module: join(hsm.folder, 'none.so') }),
      reason: 'KEY_MISCONFIGURED',
      who: WHO.operator,
      says: [/its path in `module` and what `ldd` misses/],
    },
    {
      ...pkcs11,
      name: 'the label of no token',
      break: async () => ({ ...sound, token: { label: 'somebody-elses' } }),
      reason: 'KMS_UNAVAILABLE',
      who: WHO.weather,
      says: [/the module shows no token that matches/, /compare `token\.label`.*a wrong label looks like an HSM that is away/],
    },
    {
      ...pkcs11,
      name: 'a key whose owner took its rights away',
      break: async () => ({ ...sound, key: { id: forbidden.id, label: forbidden.label } }),
      reason: 'KEY_REVOKED',
      who: WHO.customer,
      says: [/set CKA_DECRYPT of the key to true again/],
    },
  ];
}

/** A KMIP server by PyKMIP. */
export async function kmipCases(): Promise<Cases> {
  const certificates = await kmipCertificates();
  after(() => rm(certificates.folder, { recursive: true }));
  const started = await startCounterpart(pykmip(certificates));
  if ('missing' in started) return started;
  const { authority, caFile, administrator, daemon, folder } = certificates;
  const server = { host: '127.0.0.1', port: Number(new URL(started.url).port), caFile };
  const admin = new KmipAdmin({ ...server, ...administrator });
  after(() => admin.close());
  const sound = { ...server, ...daemon, key: { uniqueIdentifier: await admin.createKey() } };
  return [
    {
      name: 'a client certificate that expired',
      provider: 'kmip',
      break: async () => ({ ...sound, ...(await writeCertificate(folder, authority.client('expired', true))) }),
      reason: 'KEY_MISCONFIGURED',
      who: WHO.operator,
      says: [/renew an expired client certificate/],
    },
    {
      name: 'a server of an authority that is not trusted',
      provider: 'kmip',
      break: async () => {
        const strangers = join(folder, 'strangers.crt');
        await writeFile(strangers, new Authority('strangers').certificatePem);
        return { ...sound, caFile: strangers };
      },
      reason: 'KEY_MISCONFIGURED',
      who: WHO.operator,
      says: [/`caFile` \(the authority of the server\)/],
    },
    {
      name: 'a key that its owner deactivated',
      provider: 'kmip',
      break: async () => {
        const uniqueIdentifier = await admin.createKey();
        await admin.deactivate(uniqueIdentifier);
        return { ...sound, key: { uniqueIdentifier } };
      },
      reason: 'KEY_REVOKED',
      who: WHO.customer,
      says: [/no way back from Deactivated, Compromised or Destroyed/],
    },
  ];
}
