import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Guard } from '../../../src/kms/guard.ts';
import type { Wrapped } from '../../../src/kms/kms.ts';
import { rejects, wrapSample } from '../../contract/kms-calls.ts';
import { CONTEXT, generate, HANGS, setup, THROTTLED } from './guard-setup.ts';

type Setup = ReturnType<typeof setup>;

/** A guard that knows its KMS to answer at once: an unwrap is late after 50 ms. */
async function experienced(limits: Parameters<typeof setup>[0] = {}): Promise<Setup & { wrapped: Wrapped }> {
  const s = setup(limits);
  const wrapped = await wrapSample(s.guard);
  for (let answer = 0; answer < 16; answer++) (await unwrap(s, wrapped)).wipe();
  s.heard.length = 0;
  s.kms.calls.length = 0;
  return { ...s, wrapped };
}

const unwrap = ({ guard, scope }: Pick<Setup, 'guard' | 'scope'>, wrapped: Wrapped) =>
  guard.unwrap({ wrapped, context: CONTEXT }, scope);

describe('a slow unwrap', () => {
  it('is asked for a second time, and the first answer counts', async () => {
    const s = await experienced();
    s.kms.script(HANGS);
    const answer = unwrap(s, s.wrapped);
    await s.timer.advance(49);
    assert.equal(s.kms.calls.length, 1);
    await s.timer.advance(1);
    (await answer).wipe();
    assert.equal(s.kms.calls.length, 2);
    assert.equal(s.timer.nowMs(), 50, 'the hanging call was not waited for');
    assert.equal(s.timer.pending, 0);
  });

  it('is counted: one hedge, one answer, and one call that was given up', async () => {
    const s = await experienced();
    s.kms.script(HANGS);
    const answer = unwrap(s, s.wrapped);
    await s.timer.advance(50);
    (await answer).wipe();
    const calls = s.heard.filter((line) => !line.startsWith('span'));
    assert.deepEqual(calls, ['hedge aws', 'unwrap OK 0 ms for acme', 'unwrap CANCELLED 50 ms for acme']);
  });

  it('that is answered late gives its data key to nobody, and is wiped', async () => {
    const s = await experienced();
    s.kms.script({ kind: 'deaf' });
    const answer = unwrap(s, s.wrapped);
    await s.timer.advance(50);
    (await answer).wipe();
    s.kms.answerLate();
    await s.timer.advance(1);
    assert.ok(s.kms.givenOut.every((secret) => secret.isWiped));
  });

  it('ends in the refusal where the second call is refused: a refusal is an answer', async () => {
    const s = await experienced();
    s.kms.script(HANGS, { kind: 'denied' });
    const outcome = rejects(unwrap(s, s.wrapped), 'KEY_ACCESS_DENIED');
    await s.timer.advance(50);
    await outcome;
    assert.equal(s.timer.pending, 0);
  });

  it('waits for the first call where the second meets weather', async () => {
    const s = await experienced();
    s.kms.script({ kind: 'deaf' }, { kind: 'unreachable' });
    const answer = unwrap(s, s.wrapped);
    await s.timer.advance(50);
    s.kms.answerLate();
    await s.timer.advance(1);
    (await answer).wipe();
    assert.equal(s.kms.calls.length, 2);
  });

  it('is not asked for twice while too little is known of the KMS', async () => {
    const s = setup({ maxAttempts: 1 });
    const wrapped = await wrapSample(s.guard);
    s.kms.script(HANGS);
    const outcome = rejects(unwrap(s, wrapped), 'KMS_TIMEOUT');
    await s.timer.advance(3_000);
    await outcome;
    assert.equal(s.kms.calls.length, 2, 'the wrap and one unwrap');
  });

  it('is not asked for twice within ten seconds of throttling', async () => {
    const s = await experienced({ maxAttempts: 1 });
    s.kms.script(THROTTLED, HANGS);
    await rejects(unwrap(s, s.wrapped), 'KMS_THROTTLED');
    const outcome = rejects(unwrap(s, s.wrapped), 'KMS_TIMEOUT');
    await s.timer.advance(3_000);
    await outcome;
    assert.equal(s.kms.calls.length, 2);
  });

  it('is not asked for twice where the key forbids it, as an HSM does', async () => {
    const s = setup({ maxAttempts: 1 });
    const key = { ...s.kms.open('main'), isUnwrapHedged: false };
    const tools = { timer: s.timer, metrics: s.metrics, random: () => 0 };
    const guard = new Guard({ id: 'acme-main', provider: 'pkcs11', key }, tools);
    const wrapped = await wrapSample(guard);
    for (let answer = 0; answer < 16; answer++) (await unwrap({ ...s, guard }, wrapped)).wipe();
    s.kms.script(HANGS);
    const answer = unwrap({ ...s, guard }, wrapped);
    await s.timer.advance(2_000);
    assert.equal(s.kms.calls.length, 18);
    await s.timer.advance(2_000);
    (await answer).wipe();
  });

  it('leaves generating alone: two data keys would be made', async () => {
    const s = await experienced({ maxAttempts: 1 });
    s.kms.script(HANGS);
    const outcome = rejects(generate(s), 'KMS_TIMEOUT');
    await s.timer.advance(3_000);
    await outcome;
    assert.equal(s.kms.calls.length, 1);
  });
});
