import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { fromStored, toStored } from '../../../../src/kms/pkcs11/gcm-layout.ts';
import type { IvPolicy } from '../../../../src/kms/pkcs11/presets.ts';

const NONE = Buffer.alloc(0);
const SEALED = Buffer.from('ciphertext and a 16-byte tag....');

describe('AES-GCM is stored as IV, ciphertext and tag', () => {
  const iv12 = Buffer.alloc(12, 1);
  const iv16 = Buffer.alloc(16, 1);
  const cases: readonly {
    readonly policy: IvPolicy;
    readonly iv: Buffer;
    readonly output: Buffer;
    readonly stored: Buffer;
    readonly back: { readonly iv: Buffer; readonly input: Buffer };
  }[] = [
    { policy: 'caller', iv: iv12, output: SEALED, stored: Buffer.concat([iv12, SEALED]), back: { iv: iv12, input: SEALED } },
    {
      policy: 'hsm-prefix',
      iv: NONE,
      output: Buffer.concat([iv12, SEALED]),
      stored: Buffer.concat([iv12, SEALED]),
      back: { iv: NONE, input: Buffer.concat([iv12, SEALED]) },
    },
    {
      policy: 'hsm-suffix',
      iv: NONE,
      output: Buffer.concat([SEALED, iv16]),
      stored: Buffer.concat([iv16, SEALED]),
      back: { iv: iv16, input: SEALED },
    },
  ];
  for (const { policy, iv, output, stored, back } of cases) {
    it(`where the IV is the business of ${policy}`, () => {
      assert.deepEqual(Buffer.from(toStored(policy, { iv, output })), stored);
      const parts = fromStored(policy, stored);
      assert.deepEqual({ iv: Buffer.from(parts?.iv ?? []), input: Buffer.from(parts?.input ?? []) }, back);
    });

    it(`and what cannot hold an IV and a tag is nothing, by ${policy}`, () => {
      const least = (policy === 'hsm-suffix' ? 16 : 12) + 16;
      assert.equal(fromStored(policy, Buffer.alloc(least - 1)), undefined);
      assert.notEqual(fromStored(policy, Buffer.alloc(least)), undefined);
    });
  }
});
