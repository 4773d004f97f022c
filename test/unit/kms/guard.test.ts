import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { DEFAULT_GUARD_LIMITS, Guard, type GuardLimits } from '../../../src/kms/guard.ts';
import type { Span } from '../../../src/telemetry/telemetry.ts';
import { NO_TELEMETRY } from '../../../src/telemetry/telemetry.ts';
import { contextOf, rejects } from '../../contract/kms-contract.ts';
import { type FakeFault, FakeKms } from '../../fakes/fake-kms.ts';
import { FakeTimer, settled } from '../../fakes/kms-timer.ts';

const CONTEXT = contextOf();
const THROTTLED: FakeFault = { kind: 'throttled' };
const UNREACHABLE: FakeFault = { kind: 'unreachable' };
const HANGS: FakeFault = { kind: 'hangs' };

interface Setup {
  readonly kms: FakeKms;
  readonly timer: FakeTimer;
  readonly guard: Guard;
  /** What metrics and spans heard, in order: `retry KMS_THROTTLED`, `wrap 1 OK`, … */
  readonly heard: string[];
  readonly scope: { readonly signal: AbortSignal; readonly span: Span };
  readonly caller: AbortController;
}

function setup(limits: Partial<GuardLimits> = {}, generates = true): Setup {
  const kms = new FakeKms();
  kms.createKey('main');
  const timer = new FakeTimer();
  const heard: string[] = [];
  const metrics = {
    ...NO_TELEMETRY.metrics,
    kmsCallEnded: (measure: { operation: string; outcome: string; durationMs: number; tenantId: string | undefined }) =>
      heard.push(`${measure.operation} ${measure.outcome} ${measure.durationMs} ms for ${measure.tenantId}`),
    kmsCallRetried: (provider: string, reason: string) => heard.push(`retry ${provider} ${reason}`),
  };
  const tools = { timer, metrics, random: () => 0.5 };
  const key = kms.open('main', { generates });
  const guard = new Guard({ id: 'acme-main', provider: 'aws', key }, tools, { ...DEFAULT_GUARD_LIMITS, ...limits });
  const caller = new AbortController();
  return { kms, timer, guard, heard, caller, scope: { signal: caller.signal, span: recordingSpan(heard) } };
}

function recordingSpan(heard: string[], name = ''): Span {
  return {
    traceId: undefined,
    set: () => undefined,
    child: (childName, attributes = {}) => recordingSpan(heard, `${childName} ${JSON.stringify(attributes)}`),
    end: (error) => heard.push(`span ${name} ${error instanceof KeysideError ? error.reason : 'OK'}`),
  };
}

const generate = ({ guard, scope }: Setup) => guard.generate(CONTEXT, scope);
const reasonsOf = (heard: readonly string[]) => heard.filter((line) => !line.startsWith('span'));

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

describe('a key whose KMS makes no data keys', () => {
  it('gets one of the guard, wrapped', async () => {
    const s = setup({}, false);
    const { wrapped, dataKey } = await generate(s);
    using again = await s.guard.unwrap({ wrapped, context: CONTEXT }, s.scope);
    assert.ok(again.equals(dataKey));
    assert.deepEqual(
      s.kms.calls.map(({ operation }) => operation),
      ['wrap', 'unwrap'],
    );
    dataKey.wipe();
  });

  it('leaves no data key behind where wrapping fails', async () => {
    const s = setup({}, false);
    s.kms.script({ kind: 'denied' });
    await rejects(generate(s), 'KEY_ACCESS_DENIED');
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

describe('a guard that is retired', () => {
  it('lets calls end, takes no new ones, and closes the key after the last', async () => {
    const s = setup();
    s.kms.script({ kind: 'deaf' });
    const running = generate(s);
    await settled();
    s.guard.retire();
    await rejects(s.guard.describe(s.scope), 'KMS_UNAVAILABLE');
    s.kms.answerLate();
    (await running).dataKey.wipe();
    using dataKey = SecretBytes.own(new Uint8Array(32));
    await rejects(s.guard.wrap({ dataKey, context: CONTEXT }, s.scope), 'KMS_UNAVAILABLE');
  });
});
