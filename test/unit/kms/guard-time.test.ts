import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { rejects } from '../../contract/kms-calls.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { generate, HANGS, setup, THROTTLED } from './guard-setup.ts';

describe("the guard's time", () => {
  it('is 10 s for an operation, whatever its attempts do', async () => {
    const s = setup({ maxAttempts: 100 });
    s.kms.script(...Array.from({ length: 100 }, () => HANGS));
    const outcome = rejects(generate(s), 'KMS_TIMEOUT');
    await s.timer.advance(9_999);
    assert.equal(s.timer.pending > 0, true);
    await s.timer.advance(1);
    await outcome;
    assert.equal(s.timer.pending, 0);
  });

  it('ends with the caller, in the middle of an attempt', async () => {
    const s = setup();
    s.kms.script(HANGS);
    const outcome = rejects(generate(s), 'CANCELLED');
    await settled();
    s.caller.abort();
    await outcome;
    assert.equal(s.timer.pending, 0);
  });

  it('ends with the caller, in the middle of a pause', async () => {
    const s = setup();
    s.kms.script(THROTTLED);
    const outcome = rejects(generate(s), 'CANCELLED');
    await s.timer.advance(10);
    s.caller.abort();
    await outcome;
    assert.equal(s.timer.pending, 0);
    assert.equal(s.kms.calls.length, 1);
  });

  it('ends with the reason the caller gives, where it is one of ours', async () => {
    const s = setup();
    s.kms.script(HANGS);
    const outcome = generate(s).catch((error: unknown) => error);
    await settled();
    const reason = new KeysideError('DEADLINE_EXCEEDED', "the caller's deadline passed");
    s.caller.abort(reason);
    assert.equal(await outcome, reason);
  });

  it('ends although the provider heeds no signal, and wipes what comes too late', async () => {
    const s = setup({ maxAttempts: 1 });
    s.kms.script({ kind: 'deaf' });
    const outcome = rejects(generate(s), 'KMS_TIMEOUT');
    await s.timer.advance(3_000);
    await outcome;
    assert.equal(s.kms.givenOut.length, 0);
    s.kms.answerLate();
    await settled();
    assert.deepEqual(
      s.kms.givenOut.map(({ isWiped }) => isWiped),
      [true],
    );
  });
});

describe('the places of a key', () => {
  it('are 32, in the order of asking, and 256 may wait', async () => {
    const s = setup();
    s.kms.script(...Array.from({ length: 32 }, () => HANGS));
    const running = Array.from({ length: 32 }, () => rejects(generate(s), 'CANCELLED'));
    await settled();
    const other = new AbortController();
    const waitingScope = { ...s.scope, signal: other.signal };
    const waiting = Array.from({ length: 256 }, () => s.guard.describe(waitingScope));
    await settled();
    assert.equal(s.kms.calls.length, 32);
    await rejects(s.guard.describe(waitingScope), 'OVERLOADED');
    s.caller.abort();
    await Promise.all(running);
    await Promise.all(waiting);
    assert.equal(s.kms.mostRunning, 32);
    assert.equal(s.timer.pending, 0);
  });

  it('are not kept by waiters that went away', async () => {
    const s = setup({ maxConcurrent: 1, maxQueued: 1 });
    s.kms.script(HANGS);
    const running = rejects(generate(s), 'CANCELLED');
    await settled();
    const impatient = new AbortController();
    const gone = rejects(s.guard.describe({ ...s.scope, signal: impatient.signal }), 'CANCELLED');
    impatient.abort();
    await gone;
    const patient = s.guard.describe({ ...s.scope, signal: new AbortController().signal });
    s.caller.abort();
    await running;
    assert.equal((await patient).state, 'enabled');
    assert.deepEqual(
      s.kms.calls.map(({ operation }) => operation),
      ['generate', 'describe'],
    );
  });

  it('count the time of waiting: who waited 6 s of 10 has 4 s left', async () => {
    const s = setup({ maxConcurrent: 1, maxAttempts: 1, attemptMs: 6_000 });
    s.kms.script(HANGS, HANGS);
    const running = rejects(generate(s), 'KMS_TIMEOUT');
    const waiting = rejects(s.guard.describe(s.scope), 'KMS_TIMEOUT');
    await s.timer.advance(6_000);
    await running;
    await s.timer.advance(4_000);
    await waiting;
    assert.ok(s.heard.includes('describe KMS_TIMEOUT 4000 ms for undefined'));
  });
});
