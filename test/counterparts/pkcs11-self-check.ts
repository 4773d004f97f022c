import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeWrapContext } from '../../src/core/encryption-context.ts';
import { CONTEXT, contextOf, guardOf, sample, scope } from '../contract/kms-calls.ts';
import type { OwnedKey, TokenOfficer } from './pkcs11-officer.ts';
import { gcmSealing, KWP_SEALING } from './pkcs11-sealing.ts';
import type { Keyside, Settings } from './pkcs11-subject.ts';

interface Checked {
  readonly officer: TokenOfficer;
  readonly keyside: Keyside;
  readonly settings: Settings;
}

/** What a token must show before anything it says of Keyside counts, and that what Keyside stores is what the format says. */
export function selfCheck(name: string, { officer, keyside, settings }: Checked): void {
  const aad = encodeWrapContext(CONTEXT);

  describe(`${name} itself`, () => {
    it('refuses what a key was forbidden, and does it again once that is allowed', (t) => {
      const { key, sealed } = sealedOutside(officer);
      t.after(() => officer.destroy(key));
      officer.forbid(key);
      assert.throws(() => officer.openGcm(key, sealed, aad), /CKR_KEY_FUNCTION_NOT_PERMITTED|CKR_KEY_TYPE_INCONSISTENT/);
      officer.allow(key);
      assert.equal(officer.openGcm(key, sealed, aad).length, 32);
    });

    it('refuses other additional data, and altered bytes', (t) => {
      const { key, sealed } = sealedOutside(officer);
      t.after(() => officer.destroy(key));
      const other = encodeWrapContext(contextOf({ share: 1, shareCount: 2 }));
      assert.throws(() => officer.openGcm(key, sealed, other), /CKR_/);
      assert.throws(() => officer.openGcm(key, sealed.with(20, (sealed[20] ?? 0) ^ 1), aad), /CKR_/);
    });
  });

  describe(`what is stored of ${name}`, () => {
    it('opens without it: by RFC 5649 into the data key and a digest of the context', async (t) => {
      using dataKey = sample();
      const wrapped = await wrapOnce('aes-kwp', dataKey, t);
      const digest = createHash('sha512').update(aad).digest().subarray(0, 32);
      assert.deepEqual(Buffer.from(wrapped), Buffer.concat([dataKey.expose(), digest]));
    });

    it('opens without it: as IV, ciphertext and tag of AES-256-GCM under the context', async (t) => {
      using dataKey = sample();
      assert.deepEqual(Buffer.from(await wrapOnce('aes-gcm', dataKey, t)), Buffer.from(dataKey.expose()));
    });
  });

  async function wrapOnce(
    algorithm: 'aes-kwp' | 'aes-gcm',
    dataKey: ReturnType<typeof sample>,
    t: { after(hook: () => unknown): void },
  ): Promise<Uint8Array> {
    const key = officer.createSecretKey();
    const opened = keyside.open(key, { ...settings, algorithm });
    t.after(async () => {
      await opened.close();
      officer.destroy(key);
    });
    const { ciphertext } = await guardOf(opened).wrap({ dataKey, context: CONTEXT }, scope());
    const sealing = algorithm === 'aes-kwp' ? KWP_SEALING : gcmSealing();
    return sealing.open?.(key, ciphertext) ?? assert.fail('it cannot be opened here');
  }
}

/** 32 bytes, for `CONTEXT`. */
function sealedOutside(officer: TokenOfficer): { readonly key: OwnedKey; readonly sealed: Uint8Array } {
  const key = officer.createSecretKey();
  return { key, sealed: gcmSealing().garbage(key, 32) };
}
