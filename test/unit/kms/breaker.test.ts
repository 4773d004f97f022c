import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorReason, KeysideError } from '../../../src/core/errors.ts';
import { Breaker } from '../../../src/kms/breaker.ts';
import { FakeTimer } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';

const LIMITS = { failuresToOpen: 3, openMs: 1_000 };

class Subject {
  readonly timer = new FakeTimer();
  readonly breaker = new Breaker(LIMITS, { timer: this.timer, random: () => 1, name: 'the KMS of key acme' });
  asked = 0;

  ask(outcome: ErrorReason | 'OK'): Promise<string> {
    return this.breaker.run(async () => {
      this.asked += 1;
      if (outcome === 'OK') return 'an answer';
      throw new KeysideError(outcome, 'so it ended');
    });
  }

  async fail(times: number): Promise<void> {
    for (let time = 0; time < times; time++) await refused(this.ask('KMS_TIMEOUT'), 'KMS_TIMEOUT');
  }
}

describe('the breaker', () => {
  it('opens after failures in a row, and then ends calls at once, with the time until the next look', async () => {
    const subject = new Subject();
    await subject.fail(3);
    const error = await refused(subject.ask('OK'), 'KMS_UNAVAILABLE', /the KMS of key acme/);
    assert.equal(error.retryAfterMs, 1_000);
    assert.equal(subject.asked, 3);
  });

  it('starts counting anew with every answer', async () => {
    const subject = new Subject();
    await subject.fail(2);
    await subject.ask('OK');
    await subject.fail(2);
    assert.equal(await subject.ask('OK'), 'an answer');
  });

  for (const reason of ['KEY_REVOKED', 'CIPHERTEXT_REJECTED', 'KEY_ACCESS_DENIED', 'KMS_THROTTLED'] as const) {
    it(`takes ${reason} for an answer: the KMS is there`, async () => {
      const subject = new Subject();
      for (let time = 0; time < 10; time++) await refused(subject.ask(reason), reason);
      assert.equal(subject.asked, 10);
    });
  }

  for (const reason of ['CANCELLED', 'DEADLINE_EXCEEDED'] as const) {
    it(`learns nothing from ${reason}: neither that the KMS is there nor that it is not`, async () => {
      const subject = new Subject();
      await subject.fail(2);
      for (let time = 0; time < 10; time++) await refused(subject.ask(reason), reason);
      assert.equal(subject.breaker.isOpen, false);
      await subject.fail(1);
      assert.equal(subject.breaker.isOpen, true);
    });
  }

  it('lets one call at a time look whether the KMS is back, and closes when it is', async () => {
    const subject = new Subject();
    await subject.fail(3);
    await subject.timer.advance(1_000);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const probe = subject.breaker.run(() => gate.then(() => 'back'));
    await refused(subject.ask('OK'), 'KMS_UNAVAILABLE');
    open();
    assert.equal(await probe, 'back');
    assert.equal(await subject.ask('OK'), 'an answer');
  });

  it('stays open for as long again where the look failed', async () => {
    const subject = new Subject();
    await subject.fail(3);
    await subject.timer.advance(1_000);
    await subject.fail(1);
    await refused(subject.ask('OK'), 'KMS_UNAVAILABLE', /of late/);
    await subject.timer.advance(1_000);
    assert.equal(await subject.ask('OK'), 'an answer');
  });

  it('may look again after a look that its caller gave up', async () => {
    const subject = new Subject();
    await subject.fail(3);
    await subject.timer.advance(1_000);
    await refused(subject.ask('CANCELLED'), 'CANCELLED');
    assert.equal(await subject.ask('OK'), 'an answer');
  });

  it('turns away those who would have to wait before they ask, but is not probed by them', async () => {
    const subject = new Subject();
    subject.breaker.assertAsks();
    await subject.fail(3);
    await refused(() => subject.breaker.assertAsks(), 'KMS_UNAVAILABLE', /is not asked for a moment/);
    await subject.timer.advance(1_000);
    subject.breaker.assertAsks();
    assert.equal(await subject.ask('OK'), 'an answer');
  });
});
