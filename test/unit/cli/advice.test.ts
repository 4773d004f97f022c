import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviceFor } from '../../../src/cli/advice.ts';
import { REASONS } from '../../../src/core/errors.ts';

/** What each kind of KMS that is a service or a device can end in, and only its owner can mend. */
const OF_A_KMS = [
  'KEY_REVOKED',
  'KEY_ACCESS_DENIED',
  'KEY_NOT_FOUND',
  'KEY_MISCONFIGURED',
  'KMS_THROTTLED',
  'KMS_UNAVAILABLE',
  'KMS_TIMEOUT',
] as const;

describe('advice', () => {
  for (const reason of Object.keys(REASONS)) {
    it(`says for ${reason} who can mend it and how`, () => {
      const advice = adviceFor(reason);
      assert.match(advice?.who ?? '', /\w/);
      assert.match(advice?.todo ?? '', /\w{3}/);
    });
  }

  it('speaks of the key policy and the external id where AWS denies access', () => {
    assert.match(adviceFor('KEY_ACCESS_DENIED', 'aws')?.todo ?? '', /key policy.*kms:Decrypt.*external id/);
  });

  it('speaks of the region where an AWS key is misconfigured or not found', () => {
    for (const reason of ['KEY_MISCONFIGURED', 'KEY_NOT_FOUND']) assert.match(adviceFor(reason, 'aws')?.todo ?? '', /region/);
  });

  it('is the general one for a provider without words of its own', () => {
    for (const provider of ['abacus', '__proto__', 'toString']) {
      assert.deepEqual(adviceFor('KEY_REVOKED', provider), adviceFor('KEY_REVOKED'));
    }
  });

  for (const provider of ['aws', 'azure', 'gcp', 'kmip', 'pkcs11', 'vault']) {
    for (const reason of OF_A_KMS) {
      it(`has words of its own for ${reason} of ${provider}`, () => {
        assert.notEqual(adviceFor(reason, provider)?.todo, adviceFor(reason)?.todo);
      });
    }
  }

  const named = [
    { provider: 'aws', reason: 'KMS_TIMEOUT', says: /443.*kms\.<region>\.amazonaws\.com.*firewall/ },
    {
      provider: 'azure',
      reason: 'KEY_ACCESS_DENIED',
      says: /Key Vault Crypto Service Encryption User.*get, list, wrapKey and unwrapKey/,
    },
    { provider: 'gcp', reason: 'KEY_ACCESS_DENIED', says: /useToEncrypt and useToDecrypt.*iam\.serviceAccounts\.getAccessToken/ },
    { provider: 'vault', reason: 'KEY_ACCESS_DENIED', says: /`update` on <mount>\/encrypt.*`read` on <mount>\/keys/ },
    { provider: 'pkcs11', reason: 'KEY_REVOKED', says: /CKA_DECRYPT.*CKA_UNWRAP/ },
    { provider: 'kmip', reason: 'KEY_REVOKED', says: /Active.*Deactivated, Compromised or Destroyed/ },
    { provider: 'kmip', reason: 'KEY_MISCONFIGURED', says: /expired client certificate.*`caFile`/ },
  ] as const;
  for (const { provider, reason, says } of named) {
    it(`names what to set where ${provider} ends in ${reason}`, () => {
      assert.match(adviceFor(reason, provider)?.todo ?? '', says);
    });
  }

  it('says how to start a daemon where none answers', () => {
    assert.match(adviceFor('UNAVAILABLE')?.todo ?? '', /keyside sidecar/);
  });

  for (const reason of ['UNKNOWN', 'constructor', '__proto__', '']) {
    it(`is not given for ${JSON.stringify(reason)}`, () => assert.equal(adviceFor(reason), undefined));
  }
});
