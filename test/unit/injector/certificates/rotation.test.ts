import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateState } from '../../../../src/injector/certificates/certificate-secret.ts';
import { rotate } from '../../../../src/injector/certificates/rotation.ts';
import { isCovered, isSignedBy } from '../../../../src/injector/certificates/trust.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2030, 0, 1);
const RULES = {
  dnsNames: ['a.b.svc', 'a.b.svc.cluster.local'],
  authorityLifetimeMs: 90 * DAY_MS,
  certificateLifetimeMs: 30 * DAY_MS,
};

function at(day: number, isKnown: boolean) {
  return { nowMs: START_MS + day * DAY_MS, isPublished: () => isKnown };
}

const first = rotate(undefined, RULES, at(0, false));

function isOf({ serving }: CertificateState, { signer }: CertificateState): boolean {
  return isSignedBy(serving.leaf, signer.certificate);
}

describe('the rotation', () => {
  it('begins with an authority and a certificate of its', () => {
    assert.equal(first.authorities.length, 1);
    assert.ok(isCovered(first.serving.leaf, first.authorities, START_MS));
    assert.equal(first.serving.leaf.subjectAltName, 'DNS:a.b.svc, DNS:a.b.svc.cluster.local');
  });

  it('changes nothing until two thirds of the life of the certificate have passed, and then the certificate alone', () => {
    assert.equal(rotate(first, RULES, at(19.9, true)), first);
    const second = rotate(first, RULES, at(20.1, true));
    assert.notEqual(second.serving, first.serving);
    assert.equal(second.signer, first.signer);
    assert.ok(isOf(second, first));
    assert.notEqual(second.serving.privateKey, first.serving.privateKey);
  });

  it('waits with that where the authority is not known everywhere', () => {
    assert.equal(rotate(first, RULES, at(20.1, false)), first);
  });

  it('signs with the next authority when that is known everywhere, and not before', () => {
    const present = rotate(first, RULES, at(45, true));
    const introduced = rotate(present, RULES, at(60.1, false));
    assert.deepEqual(introduced.authorities.slice(0, 1), first.authorities);
    assert.equal(introduced.authorities.length, 2);
    assert.equal(introduced.serving, present.serving);
    assert.equal(introduced.authorities.at(-1), introduced.signer.certificate);
    assert.equal(rotate(introduced, RULES, at(60.2, false)), introduced);
    const changed = rotate(introduced, RULES, at(60.2, true));
    assert.equal(changed.authorities.length, 2);
    assert.ok(isOf(changed, introduced) && !isOf(changed, first));
  });

  it('keeps an authority until it ends, and then forgets it', () => {
    const present = rotate(first, RULES, at(45, true));
    const changed = rotate(rotate(present, RULES, at(60.1, false)), RULES, at(61, true));
    assert.equal(rotate(changed, RULES, at(80, true)).authorities.length, 2);
    const after = rotate(rotate(changed, RULES, at(80, true)), RULES, at(90.1, true));
    assert.deepEqual(after.authorities, [changed.signer.certificate]);
  });

  const atOnce: readonly { name: string; state: CertificateState; rules?: typeof RULES; day: number }[] = [
    { name: 'has ended', state: first, day: 31 },
    { name: 'is for other names', state: first, rules: { ...RULES, dnsNames: ['c.b.svc'] }, day: 1 },
    { name: 'has ended with its authority', state: first, day: 400 },
  ];
  for (const { name, state, rules = RULES, day } of atOnce) {
    it(`signs at once where the certificate ${name}, since nobody could trust it`, () => {
      const next = rotate(state, rules, at(day, false));
      assert.ok(isCovered(next.serving.leaf, next.authorities, START_MS + day * DAY_MS));
      assert.equal(next.serving.leaf.subjectAltName, rules.dnsNames.map((dns) => `DNS:${dns}`).join(', '));
      assert.equal(rotate(next, rules, at(day, false)), next);
    });
  }

  for (const ahead of [0.02, 1, 30, 400]) {
    it(`replaces an authority that a clock ${ahead} days ahead has made, once`, () => {
      const poisoned = rotate(undefined, RULES, at(ahead, false));
      const mended = rotate(poisoned, RULES, at(0, false));
      assert.notEqual(mended.signer, poisoned.signer);
      assert.ok(isCovered(mended.serving.leaf, mended.authorities, START_MS));
      assert.equal(rotate(mended, RULES, at(0, false)), mended);
      assert.equal(rotate(mended, RULES, at(0.1, true)).signer, mended.signer);
    });
  }

  it('takes clocks that differ by a few minutes for none that are wrong', () => {
    assert.equal(rotate(first, RULES, at(-4 / 1_440, true)), first);
  });

  it('keeps few authorities and changes nothing at a second look, however the clock jumps', () => {
    let state = first;
    for (let jump = 0; jump < 20; jump += 1) {
      for (const day of [-400, 0, 400, 1]) {
        state = rotate(state, RULES, at(day, false));
        assert.ok(isCovered(state.serving.leaf, state.authorities, START_MS + day * DAY_MS));
        assert.equal(rotate(state, RULES, at(day, jump % 2 === 0)), state);
        assert.ok(state.authorities.length <= 4, `${state.authorities.length}`);
      }
    }
  });

  it('makes one authority and not one at each look while it waits', () => {
    let state = rotate(rotate(first, RULES, at(45, true)), RULES, at(60.1, false));
    for (let hour = 0; hour < 48; hour += 1) state = rotate(state, RULES, at(60.1 + hour / 24, false));
    assert.equal(state.authorities.length, 2);
  });
});
