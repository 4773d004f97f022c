import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { type Cases, WHO } from './doctor-patient.ts';
import { freePort, startCounterpart } from './harness.ts';
import { policyFor, VaultAdmin } from './vault-admin.ts';
import { openbao, ROOT_TOKEN } from './vault-openbao.ts';

/** Transit by OpenBao. */
export async function vaultCases(): Promise<Cases> {
  const started = await startCounterpart(openbao());
  if ('missing' in started) return started;
  const admin = new VaultAdmin(started.url);
  after(() => admin.close());
  await admin.setUp();
  const keyName = await admin.createKey({ type: 'aes256-gcm96' });
  const [full, blind, unknown] = [`full-${randomUUID()}`, `blind-${randomUUID()}`, `key-${randomUUID()}`];
  await admin.writePolicy(full, policyFor(keyName, unknown));
  const withoutDecrypt = policyFor(keyName).replace(/^path "transit\/decrypt.*\n/m, '');
  await admin.writePolicy(blind, withoutDecrypt);
  const [allowed, limited, ended] = [await admin.tokenFile(full), await admin.tokenFile(blind), await admin.tokenFile(full)];
  const tokens = [allowed, limited, ended].map(({ file }) => readFileSync(file, 'utf8'));
  await admin.do('POST', 'auth/token/revoke', { token: readFileSync(ended.file, 'utf8') });
  const sound = { address: started.url, keyName, auth: allowed };
  const vault = { provider: 'vault', secrets: [...tokens, ROOT_TOKEN] } as const;
  return [
    {
      ...vault,
      name: 'a policy without decrypt',
      break: async () => ({ ...sound, auth: limited }),
      reason: 'KEY_ACCESS_DENIED',
      who: WHO.both,
      says: [/`update` on <mount>\/encrypt\/<keyName> and <mount>\/decrypt\/<keyName> and `read` on <mount>\/keys/],
    },
    {
      ...vault,
      name: 'a mount that is not there',
      break: async () => {
        const policy = policyFor(keyName).replaceAll('transit/', 'transit-of-others/');
        await admin.writePolicy('others', policy);
        return { ...sound, mount: 'transit-of-others', auth: await admin.tokenFile('others') };
      },
      reason: 'KEY_NOT_FOUND',
      who: WHO.operator,
      says: [/check `mount`, `keyName` and `namespace`/],
    },
    {
      ...vault,
      name: 'a name that no key bears',
      break: async () => ({ ...sound, keyName: unknown }),
      reason: 'KEY_NOT_FOUND',
      who: WHO.operator,
      says: [/check `mount`, `keyName` and `namespace`/],
    },
    {
      ...vault,
      name: 'a token that was revoked',
      break: async () => ({ ...sound, auth: ended }),
      reason: 'KEY_MISCONFIGURED',
      who: WHO.operator,
      says: [/a token that ended.*: put a new one into its file/],
    },
    {
      ...vault,
      name: 'an address where nobody listens',
      break: async () => ({ ...sound, address: `http://127.0.0.1:${await freePort()}` }),
      reason: 'KMS_UNAVAILABLE',
      who: WHO.weather,
      says: [/`address` leads to an active, unsealed node, and DNS and the firewall/],
    },
  ];
}
