import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReturnValue } from '../../../../src/kms/pkcs11/cryptoki.ts';
import { FoundFault } from '../../../../src/kms/pkcs11/found-fault.ts';
import { findToken, LoggedInTokens } from '../../../../src/kms/pkcs11/logged-in-token.ts';
import type { LoginRequest, TokenSelector } from '../../../../src/kms/pkcs11/messages.ts';
import { FakeHsm } from './fake-hsm.ts';

const LOGIN: LoginRequest = { op: 'login', token: 'main', selector: { label: 'keyside' }, access: '/pin' };

describe('the token of a configuration', () => {
  const selectors: readonly { readonly selector: TokenSelector; readonly want: 'found' | string }[] = [
    { selector: { label: 'keyside', serial: 'abc', slot: 7 }, want: 'found' },
    { selector: { serial: 'abc' }, want: 'found' },
    { selector: { label: 'keyside' }, want: 'token-ambiguous' },
    { selector: { label: 'keyside', slot: 8 }, want: 'found' },
    { selector: { label: 'keyside', serial: 'xyz' }, want: 'token-absent' },
    { selector: { label: 'Keyside' }, want: 'token-absent' },
  ];
  for (const { selector, want } of selectors) {
    it(`is ${want} for ${JSON.stringify(selector)}`, () => {
      const hsm = new FakeHsm();
      const other = new FakeHsm();
      hsm.neighbours.push({ ...other.tokens()[0], slotId: 8, serial: 'def' } as (typeof hsm.neighbours)[0]);
      const find = () => findToken(hsm, selector);
      if (want === 'found') assert.ok(find().label === 'keyside');
      else
        assert.throws(
          find,
          (error: unknown) => error instanceof FoundFault && JSON.stringify(error.fault) === `{"finding":"${want}"}`,
        );
    });
  }
});

describe('logging in to a token', () => {
  it('keeps one session, and a second login leaves none of the first', () => {
    const hsm = new FakeHsm();
    const tokens = new LoggedInTokens();
    tokens.login(hsm, LOGIN, '1234');
    tokens.login(hsm, LOGIN, '1234');
    assert.equal(hsm.openSessions, 1);
    tokens.closeAll();
    assert.equal(hsm.openSessions, 0);
  });

  it('with a wrong PIN leaves nothing open, and the token is not there to be used', () => {
    const hsm = new FakeHsm();
    const tokens = new LoggedInTokens();
    assert.throws(() => tokens.login(hsm, LOGIN, '9999'), ReturnValue);
    assert.equal(hsm.count('login'), 1);
    assert.equal(hsm.openSessions, 0);
    assert.throws(() => tokens.get('main'), FoundFault);
  });

  it('does not try where a wrong PIN would lock the user', () => {
    const hsm = new FakeHsm();
    hsm.isLastPinTry = true;
    assert.throws(() => new LoggedInTokens().login(hsm, LOGIN, '1234'), /pin-last-try/);
    assert.equal(hsm.count('login'), 0);
  });

  it('is refused for the same token under another name with another PIN file', () => {
    const hsm = new FakeHsm();
    const tokens = new LoggedInTokens();
    tokens.login(hsm, LOGIN, '1234');
    const alias = { ...LOGIN, token: 'alias', selector: { serial: 'abc' }, access: '/other' };
    assert.throws(() => tokens.login(hsm, alias, '1234'), /token-taken/);
    assert.equal(hsm.count('login'), 1);
  });

  it('is shared by two names with the same PIN file, while it holds', () => {
    const hsm = new FakeHsm();
    const tokens = new LoggedInTokens();
    const alias = { ...LOGIN, token: 'alias', selector: { serial: 'abc' } };
    tokens.login(hsm, LOGIN, '1234');
    tokens.login(hsm, alias, '1234');
    assert.equal(hsm.count('login'), 1);
    assert.equal(tokens.get('alias'), tokens.get('main'));
    tokens.login(hsm, LOGIN, '1234');
    assert.equal(hsm.openSessions, 1, 'dropping one name closes nothing of the other');
    hsm.loggedIn = false;
    tokens.login(hsm, LOGIN, '1234');
    assert.equal(hsm.count('login'), 2);
    assert.equal(hsm.openSessions, 1);
  });
});
