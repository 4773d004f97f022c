import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { rejects } from '../../contract/kms-calls.ts';
import type { FakeFault } from '../../fakes/fake-kms.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { CONTEXT, generate, HANGS, setup, THROTTLED } from './guard-setup.ts';

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

describe('the guard believes no reply', () => {
  const faults: readonly {
    readonly name: string;
    readonly fault: FakeFault;
    readonly reason: 'KMS_UNAVAILABLE' | 'KEY_MISCONFIGURED';
  }[] = [
    { name: 'an empty wrap', fault: { kind: 'wrap-size', bytes: 0 }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a wrap beyond 8 KiB', fault: { kind: 'wrap-size', bytes: 8_193 }, reason: 'KMS_UNAVAILABLE' },
    { name: 'a key version that reading would refuse', fault: { kind: 'foreign-version' }, reason: 'KEY_MISCONFIGURED' },
    { name: 'a data key of 31 bytes', fault: { kind: 'garbage', bytes: 31 }, reason: 'KMS_UNAVAILABLE' },
  ];
  for (const { name, fault, reason } of faults) {
    it(`with ${name}, and wipes the data key that came with it`, async () => {
      const s = setup({ maxAttempts: 1 });
      s.kms.script(fault);
      await rejects(generate(s), reason);
      assert.deepEqual(
        s.kms.givenOut.map(({ isWiped }) => isWiped),
        [true],
      );
    });
  }

  it('with 31 bytes unwrapped: CIPHERTEXT_REJECTED, asked once, wiped', async () => {
    const s = setup();
    const { wrapped, dataKey } = await generate(s);
    dataKey.wipe();
    s.kms.script({ kind: 'garbage', bytes: 31 });
    await rejects(s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope), 'CIPHERTEXT_REJECTED');
    assert.equal(s.kms.calls.length, 2);
    assert.ok(s.kms.givenOut.every(({ isWiped }) => isWiped));
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

describe('what the guard tells of', () => {
  it('is one span and one measure for every attempt', async () => {
    const s = setup();
    const { wrapped, dataKey } = await generate(s);
    dataKey.wipe();
    s.heard.splice(0);
    s.kms.script(THROTTLED);
    const unwrapped = s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope);
    await s.timer.advance(50);
    (await unwrapped).wipe();
    const attributes = (attempt: number) =>
      JSON.stringify({
        'keyside.provider': 'aws',
        'keyside.key.id': 'acme-main',
        'keyside.kms.operation': 'unwrap',
        'keyside.kms.attempt': attempt,
        'keyside.tenant.id': 'acme',
        'keyside.key.version': '1',
      });
    assert.deepEqual(s.heard, [
      `span keyside.kms.call ${attributes(1)} KMS_THROTTLED`,
      'unwrap KMS_THROTTLED 0 ms for acme',
      'retry aws KMS_THROTTLED',
      `span keyside.kms.call ${attributes(2)} OK`,
      'unwrap OK 0 ms for acme',
    ]);
  });
});
