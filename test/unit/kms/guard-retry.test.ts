import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rejects } from '../../contract/kms-calls.ts';
import type { FakeFault } from '../../fakes/fake-kms.ts';
import { generate, HANGS, reasonsOf, setup, THROTTLED, UNREACHABLE } from './guard-setup.ts';

describe('the guard tries again', () => {
  it('after weather, with half of 100 ms and then of 200 ms where the dice say one half', async () => {
    const s = setup();
    s.kms.script(THROTTLED, UNREACHABLE);
    const generated = generate(s);
    await s.timer.advance(50);
    await s.timer.advance(99);
    assert.equal(s.kms.calls.length, 2);
    await s.timer.advance(1);
    (await generated).dataKey.wipe();
    assert.deepEqual(reasonsOf(s.heard), [
      'generate KMS_THROTTLED 0 ms for acme',
      'retry aws KMS_THROTTLED',
      'generate KMS_UNAVAILABLE 0 ms for acme',
      'retry aws KMS_UNAVAILABLE',
      'generate OK 0 ms for acme',
    ]);
    assert.equal(s.timer.pending, 0);
  });

  it('three times in all, and ends with the last error', async () => {
    const s = setup();
    s.kms.script(UNREACHABLE, UNREACHABLE, THROTTLED, THROTTLED);
    const outcome = rejects(generate(s), 'KMS_THROTTLED');
    await s.timer.advance(1_000);
    await outcome;
    assert.equal(s.kms.calls.length, 3);
  });

  it('no sooner than the KMS asked for', async () => {
    const s = setup();
    s.kms.script({ kind: 'throttled', retryAfterMs: 4_000 });
    const generated = generate(s);
    await s.timer.advance(4_049);
    assert.equal(s.kms.calls.length, 1);
    await s.timer.advance(1);
    (await generated).dataKey.wipe();
  });

  it('not at all where the KMS asks for more time than is left', async () => {
    const s = setup();
    s.kms.script({ kind: 'throttled', retryAfterMs: 10_000 });
    await rejects(generate(s), 'KMS_THROTTLED');
    assert.equal(s.timer.nowMs(), 0);
    assert.equal(s.kms.calls.length, 1);
  });

  it('after an attempt that took 3 s', async () => {
    const s = setup();
    s.kms.script(HANGS);
    const generated = generate(s);
    await s.timer.advance(3_050);
    (await generated).dataKey.wipe();
    assert.deepEqual(reasonsOf(s.heard), [
      'generate KMS_TIMEOUT 3000 ms for acme',
      'retry aws KMS_TIMEOUT',
      'generate OK 0 ms for acme',
    ]);
  });

  const final: readonly {
    readonly name: string;
    readonly fault: FakeFault;
    readonly reason: 'KEY_ACCESS_DENIED' | 'INTERNAL';
  }[] = [
    { name: 'a refusal', fault: { kind: 'denied' }, reason: 'KEY_ACCESS_DENIED' },
    {
      name: 'a fault of the provider',
      fault: { kind: 'throws', error: new TypeError('x is not a function') },
      reason: 'INTERNAL',
    },
    { name: 'a provider that throws what is no error', fault: { kind: 'throws', error: 'no' }, reason: 'INTERNAL' },
  ];
  for (const { name, fault, reason } of final) {
    it(`never after ${name}`, async () => {
      const s = setup();
      s.kms.script(fault);
      const error = await rejects(generate(s), reason);
      assert.equal(s.kms.calls.length, 1);
      if (fault.kind === 'throws') assert.equal(error.cause, fault.error);
    });
  }

  it('never after the customer disabled the key', async () => {
    const s = setup();
    s.kms.disable('main');
    await rejects(generate(s), 'KEY_REVOKED');
    assert.equal(s.kms.calls.length, 1);
  });
});
