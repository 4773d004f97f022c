import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { type EndingCall, RpcScope } from '../../../src/rpc/call-scope.ts';
import { NO_SPAN } from '../../../src/telemetry/telemetry.ts';
import { refused } from '../../fakes/refused.ts';

const DEFAULT_MS = 30_000;

class FakeCall extends EventEmitter {
  cancelled = false;
  readonly #deadline: Date | number;

  constructor(deadline: Date | number = Number.POSITIVE_INFINITY) {
    super();
    this.#deadline = deadline;
  }

  getDeadline(): Date | number {
    return this.#deadline;
  }

  cancel(): void {
    this.cancelled = true;
    this.emit('cancelled', 'cancelled');
  }
}

function frozen(t: TestContext): TestContext['mock']['timers'] {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
  return t.mock.timers;
}

function scopeOf(call: FakeCall): RpcScope {
  return new RpcScope(call as unknown as EndingCall, NO_SPAN, DEFAULT_MS);
}

function reasonOf({ signal }: RpcScope): string | undefined {
  return signal.aborted && signal.reason instanceof KeysideError ? signal.reason.reason : undefined;
}

describe('the scope of a call', () => {
  it('costs neither a listener nor a timer until somebody waits', (t) => {
    frozen(t);
    const setTimeout = t.mock.method(globalThis, 'setTimeout');
    const call = new FakeCall();
    const scope = scopeOf(call);
    scope.assertLive();
    assert.deepEqual([call.listenerCount('cancelled'), setTimeout.mock.callCount()], [0, 0]);
    assert.equal(scope.signal, scope.signal, 'one signal, however often it is asked for');
    assert.deepEqual([call.listenerCount('cancelled'), setTimeout.mock.callCount()], [1, 1]);
    scope.close();
    assert.equal(call.listenerCount('cancelled'), 0);
  });

  const deadlines: { name: string; deadline: number | Date; wantMs: number }[] = [
    { name: "the caller's own deadline", deadline: 1_000_000 + 500, wantMs: 500 },
    { name: "the caller's own deadline as a date", deadline: new Date(1_000_000 + 500), wantMs: 500 },
    { name: 'the default where the caller states none', deadline: Number.POSITIVE_INFINITY, wantMs: DEFAULT_MS },
  ];
  for (const { name, deadline, wantMs } of deadlines) {
    it(`ends at ${name}`, async (t) => {
      const timers = frozen(t);
      const scope = scopeOf(new FakeCall(deadline));
      const { signal } = scope;
      timers.tick(wantMs - 1);
      assert.ok(!signal.aborted);
      scope.assertLive();
      timers.tick(1);
      assert.equal(reasonOf(scope), 'DEADLINE_EXCEEDED');
      await refused(() => scope.assertLive(), 'DEADLINE_EXCEEDED');
    });
  }

  it('ends at once where the deadline has passed before, without a timer', async (t) => {
    frozen(t);
    const scope = scopeOf(new FakeCall(999_999));
    const setTimeout = t.mock.method(globalThis, 'setTimeout');
    await refused(() => scope.assertLive(), 'DEADLINE_EXCEEDED');
    assert.equal(reasonOf(scope), 'DEADLINE_EXCEEDED');
    assert.equal(setTimeout.mock.callCount(), 0);
  });

  it('ends in DEADLINE_EXCEEDED also where the timer rings a moment before the clock says so', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    t.mock.method(Date, 'now', () => 1_000_000);
    const scope = scopeOf(new FakeCall(1_000_500));
    const { signal } = scope;
    t.mock.timers.tick(500);
    assert.ok(signal.aborted);
    assert.equal(reasonOf(scope), 'DEADLINE_EXCEEDED');
  });

  it('ends when the caller cancels, before and after the signal was made', async (t) => {
    frozen(t);
    const call = new FakeCall();
    const scope = scopeOf(call);
    const { signal } = scope;
    call.cancel();
    assert.ok(signal.aborted);
    assert.equal(reasonOf(scope), 'CANCELLED');
    await refused(() => scope.assertLive(), 'CANCELLED');
    const late = scopeOf(call);
    assert.equal(reasonOf(late), 'CANCELLED');
  });

  it('ends no more once it is closed', (t) => {
    const timers = frozen(t);
    const call = new FakeCall();
    const scope = scopeOf(call);
    const { signal } = scope;
    scope.close();
    call.cancel();
    timers.tick(DEFAULT_MS * 2);
    assert.ok(!signal.aborted);
    scope.close();
  });
});
