import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReturnValue } from '../../../../src/kms/pkcs11/cryptoki.ts';
import { type FoundFault, faultOf } from '../../../../src/kms/pkcs11/found-fault.ts';
import { describeKey, type KeyOnToken, openUnder, sealUnder } from '../../../../src/kms/pkcs11/key-use.ts';
import { LoggedInTokens } from '../../../../src/kms/pkcs11/logged-in-token.ts';
import type { KeyRequest, LoginRequest, Method } from '../../../../src/kms/pkcs11/messages.ts';
import { FakeHsm } from './fake-hsm.ts';

const KWP: Method = { name: 'aes-kwp', mechanism: 0x210b, call: 'encrypt' };
const GCM: Method = { name: 'aes-gcm', mechanism: 0x1087, ivPolicy: 'caller' };
const OAEP: Method = { name: 'rsa-oaep', mechanism: 9, hash: 'sha256' };
const DATA = Buffer.alloc(64, 3);
const LOGIN: LoginRequest = { op: 'login', token: 'main', selector: { label: 'keyside' }, access: '/pin' };

/** The key 01 on a token that is logged in to. */
function keyOn(hsm: FakeHsm, change: Partial<KeyRequest> = {}): KeyOnToken {
  const tokens = new LoggedInTokens();
  tokens.login(hsm, LOGIN, '1234');
  hsm.calls.splice(0);
  const request: KeyRequest = { op: 'open', token: 'main', key: { keyClass: 'secret', id: '01' }, method: KWP, ...change };
  return { token: tokens.get('main'), request };
}

async function faultIn(work: Promise<unknown>): Promise<FoundFault['fault']> {
  return work.then(
    () => assert.fail('it succeeded'),
    (error: unknown) => faultOf(error),
  );
}

describe('a key on a token', () => {
  const methods: readonly { readonly name: string; readonly method: Method; readonly calls: readonly string[] }[] = [
    { name: 'key wrap over data', method: KWP, calls: ['encrypt', 'decrypt'] },
    { name: 'key wrap over an object', method: { ...KWP, call: 'wrap' }, calls: ['wrap', 'unwrap'] },
    { name: 'GCM', method: GCM, calls: ['encrypt', 'decrypt'] },
    { name: 'OAEP', method: OAEP, calls: ['encrypt', 'decrypt'] },
  ];
  for (const { name, method, calls } of methods) {
    it(`opens what it sealed by ${name}, and finds itself once`, async () => {
      const hsm = new FakeHsm();
      for (const object of ['secret', 'private', 'public'] as const) hsm.key({ object });
      const key = keyOn(hsm, { method, aad: 'YWNtZQ==', key: { keyClass: method === OAEP ? 'rsa' : 'secret', id: '01' } });
      assert.deepEqual(Buffer.from(await openUnder(key, await sealUnder(key, DATA))), DATA);
      await openUnder(key, await sealUnder(key, DATA));
      const uses = hsm.calls.filter((call) => calls.includes(call));
      const proof = method === GCM ? ['decrypt'] : [];
      assert.deepEqual(uses, [...calls.slice(0, 1), ...proof, ...calls.slice(1), ...calls]);
      assert.equal(hsm.count('find'), method === OAEP ? 2 : 1);
      assert.equal(hsm.openSessions, 2, 'the pinned session and one that works');
    });
  }

  it('Precondition: what is to be opened has a length that the mechanism can have made; the HSM is not asked of others', async () => {
    const hsm = new FakeHsm();
    hsm.key();
    for (const length of [0, 8, 15, 71, 73]) {
      assert.deepEqual(await faultIn(openUnder(keyOn(hsm), new Uint8Array(length))), { code: 0x41 });
    }
    assert.deepEqual(await faultIn(openUnder(keyOn(hsm, { method: GCM }), new Uint8Array(27))), { code: 0x41 });
    assert.equal(hsm.count('decrypt'), 0);
  });

  it('Postcondition: what the module sealed has the length that the mechanism makes', async () => {
    const hsm = new FakeHsm();
    hsm.key({ object: 'public' });
    hsm.key({ object: 'private' });
    hsm.key();
    const suffix: Method = { ...GCM, ivPolicy: 'hsm-suffix' };
    assert.deepEqual(await faultIn(sealUnder(keyOn(hsm, { method: suffix }), DATA)), { finding: 'odd-length' });
    const rsa = keyOn(hsm, { method: { ...OAEP }, key: { keyClass: 'rsa', id: '01' } });
    assert.equal((await sealUnder(rsa, DATA)).length, 256);
  });

  it('under a module that ignores the additional data of GCM seals nothing; under others that is tried once', async () => {
    const [binds, ignores] = [new FakeHsm(), new FakeHsm()];
    for (const hsm of [binds, ignores]) hsm.key();
    ignores.binds = false;
    const bound = keyOn(binds, { method: GCM, aad: 'YWNtZQ==' });
    await sealUnder(bound, DATA);
    await sealUnder(bound, DATA);
    assert.equal(binds.count('decrypt'), 1);
    const unbound = keyOn(ignores, { method: GCM, aad: 'YWNtZQ==' });
    assert.deepEqual(await faultIn(sealUnder(unbound, DATA)), { finding: 'context-unbound' });
  });

  it('that may not open does not seal either: nobody could read it', async () => {
    const hsm = new FakeHsm();
    hsm.key({ rights: { decrypt: false } });
    assert.deepEqual(await faultIn(sealUnder(keyOn(hsm), DATA)), { code: 0x68, isPermitted: false });
    assert.equal(hsm.count('encrypt'), 0);
  });

  it('that may open and not seal says so', async () => {
    const hsm = new FakeHsm();
    hsm.key({ rights: { encrypt: false } });
    assert.deepEqual(await faultIn(sealUnder(keyOn(hsm), DATA)), { finding: 'key-only-opens' });
  });

  const refusals: readonly { readonly code: number; readonly isAllowed: boolean }[] = [
    { code: 0x68, isAllowed: false },
    { code: 0x68, isAllowed: true },
    { code: 0x63, isAllowed: false },
    { code: 0x63, isAllowed: true },
  ];
  for (const { code, isAllowed } of refusals) {
    it(`is asked for its attribute where the module says 0x${code.toString(16)}: ${isAllowed}`, async () => {
      const hsm = new FakeHsm();
      hsm.key({ rights: { decrypt: isAllowed } });
      hsm.refuse('decrypt', code);
      assert.deepEqual(await faultIn(openUnder(keyOn(hsm), new Uint8Array(72))), { code, isPermitted: isAllowed });
    });
  }

  it('whose attribute cannot be read leaves the refusal unconfirmed', async () => {
    const hsm = new FakeHsm();
    hsm.key();
    hsm.refuse('decrypt', 0x68);
    hsm.refuse('is set', 0x12);
    assert.deepEqual(await faultIn(openUnder(keyOn(hsm), new Uint8Array(72))), { code: 0x68, isPermitted: undefined });
  });

  it('that is refused because the login is lost asks for another login, whatever the module calls it', async () => {
    for (const code of [0x63, 0x68, 0x82]) {
      const hsm = new FakeHsm();
      hsm.key();
      const key = keyOn(hsm);
      hsm.refuse('decrypt', code);
      hsm.loggedIn = false;
      assert.deepEqual(await faultIn(openUnder(key, new Uint8Array(72))), { finding: 'login-required' });
    }
  });

  it('that does not open one wrap proves by another one whose fault that is', async () => {
    const [works, fails] = [new FakeHsm(), new FakeHsm()];
    for (const hsm of [works, fails]) hsm.key();
    works.refuse('decrypt', 0x05);
    fails.refuse('decrypt', 0x05, 0x05);
    assert.deepEqual(await faultIn(openUnder(keyOn(works), new Uint8Array(72))), { code: 0x05, works: true });
    assert.deepEqual(await faultIn(openUnder(keyOn(fails), new Uint8Array(72))), { code: 0x05, works: false });
  });

  it('that was moved is looked up anew, once', async () => {
    const hsm = new FakeHsm();
    hsm.key();
    hsm.refuse('decrypt', 0x60);
    const key = keyOn(hsm);
    assert.equal((await openUnder(key, new Uint8Array(72))).length, 64);
    assert.equal(hsm.count('find'), 2);
    hsm.refuse('decrypt', 0x60, 0x60);
    assert.deepEqual(await faultIn(openUnder(key, new Uint8Array(72))), { code: 0x60 });
  });

  it('must be the only one that matches', async () => {
    const hsm = new FakeHsm();
    assert.deepEqual(await faultIn(describeKey(keyOn(hsm))), { finding: 'key-absent' });
    hsm.key();
    hsm.key({ label: 'another' });
    assert.deepEqual(await faultIn(describeKey(keyOn(hsm))), { finding: 'key-ambiguous' });
    const named = keyOn(hsm, { key: { keyClass: 'secret', id: '01', label: 'another' } });
    assert.deepEqual(await describeKey(named), { mayOpen: true, maySeal: true, canLeave: false, tokenLabel: 'keyside' });
  });

  it('is described as one whose value can be taken out, where that is so', async () => {
    const hsm = new FakeHsm();
    hsm.key({ isExtractable: true });
    assert.equal((await describeKey(keyOn(hsm))).canLeave, true);
  });

  it('is described as it is now, not as it was', async () => {
    const hsm = new FakeHsm();
    const { rights } = hsm.key();
    const key = keyOn(hsm);
    await describeKey(key);
    rights.decrypt = false;
    assert.equal((await describeKey(key)).mayOpen, false);
    hsm.keys.splice(0);
    assert.deepEqual(await faultIn(describeKey(key)), { finding: 'key-absent' });
  });

  it('is not said to be missing while nobody is logged in', async () => {
    const hsm = new FakeHsm();
    const key = keyOn(hsm);
    hsm.loggedIn = false;
    assert.deepEqual(await faultIn(describeKey(key)), { finding: 'login-required' });
  });

  it('has a session that failed closed, since nobody knows what it is in the middle of', async () => {
    const hsm = new FakeHsm();
    hsm.key();
    const key = keyOn(hsm);
    await sealUnder(key, DATA);
    hsm.refuse('decrypt', 0x110);
    await assert.rejects(openUnder(key, new Uint8Array(72)), ReturnValue);
    assert.equal(hsm.openSessions, 1, 'the pinned one');
  });
});
