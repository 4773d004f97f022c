import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviceFor } from '../../../src/cli/advice.ts';
import { REASONS } from '../../../src/core/errors.ts';

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
    for (const provider of ['gcp', '__proto__', 'toString']) {
      assert.deepEqual(adviceFor('KEY_REVOKED', provider), adviceFor('KEY_REVOKED'));
    }
  });

  it('says how to start a daemon where none answers', () => {
    assert.match(adviceFor('UNAVAILABLE')?.todo ?? '', /keyside sidecar/);
  });

  for (const reason of ['UNKNOWN', 'constructor', '__proto__', '']) {
    it(`is not given for ${JSON.stringify(reason)}`, () => assert.equal(adviceFor(reason), undefined));
  }
});
