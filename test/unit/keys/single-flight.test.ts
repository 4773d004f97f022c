import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SingleFlight } from '../../../src/keys/single-flight.ts';
import { settled } from '../../fakes/kms-timer.ts';

const NEVER = new AbortController().signal;

/** Work that ends when it is told, and what became of its value. */
class Runway {
  readonly signals: AbortSignal[] = [];
  readonly released: string[] = [];
  readonly flights = new SingleFlight<string, string>({
    take: (value) => {
      if (this.released.includes(value)) throw new Error(`${value} was taken after it was released`);
      return `copy of ${value}`;
    },
    release: (value) => this.released.push(value),
  });
  readonly #running: { resolve(value: string): void; reject(error: unknown): void }[] = [];

  run(signal: AbortSignal = NEVER): Promise<string> {
    const work = (own: AbortSignal): Promise<string> => {
      this.signals.push(own);
      return new Promise((resolve, reject) => this.#running.push({ resolve, reject }));
    };
    return this.flights.run('key', work, signal);
  }

  land(value: string, flight = 0): void {
    this.#running[flight]?.resolve(value);
  }

  crash(error: unknown, flight = 0): void {
    this.#running[flight]?.reject(error);
  }
}

describe('a single flight', () => {
  it('does the work of 64 waiters once, gives each its own result, and releases the value once, after the last took it', async () => {
    const runway = new Runway();
    const waiting = Array.from({ length: 64 }, () => runway.run());
    assert.equal(runway.signals.length, 1);
    assert.ok(runway.flights.isFlying('key'));
    runway.land('a');
    assert.deepEqual(await Promise.all(waiting), Array(64).fill('copy of a'));
    assert.deepEqual(runway.released, ['a']);
    assert.ok(!runway.flights.isFlying('key'));
  });

  it('remembers nothing: who comes after the landing starts a new flight', async () => {
    const runway = new Runway();
    const first = runway.run();
    runway.land('a');
    await first;
    const second = runway.run();
    runway.land('b', 1);
    assert.equal(await second, 'copy of b');
    assert.deepEqual(runway.released, ['a', 'b']);
  });

  it('lets a waiter leave at its own end with its own reason while the others get the result', async () => {
    const runway = new Runway();
    const leaver = new AbortController();
    const [left, stayed] = [runway.run(leaver.signal), runway.run()];
    leaver.abort(new Error('its deadline passed'));
    await assert.rejects(left, /its deadline passed/);
    assert.equal(runway.signals[0]?.aborted, false);
    runway.land('a');
    assert.equal(await stayed, 'copy of a');
    assert.deepEqual(runway.released, ['a']);
  });

  it('aborts the work when the last waiter has left, and releases what comes nevertheless', async () => {
    const runway = new Runway();
    const leavers = [new AbortController(), new AbortController()];
    const waiting = leavers.map(({ signal }) => runway.run(signal));
    for (const leaver of leavers) leaver.abort(new Error('gone'));
    await Promise.all(waiting.map((each) => assert.rejects(each, /gone/)));
    assert.ok(runway.signals[0]?.aborted);
    assert.ok(!runway.flights.isFlying('key'));
    runway.land('too late');
    await settled();
    assert.deepEqual(runway.released, ['too late']);
  });

  it('starts anew for who comes after the abort, and the old flight does not disturb the new one', async () => {
    const runway = new Runway();
    const leaver = new AbortController();
    const left = runway.run(leaver.signal);
    leaver.abort(new Error('gone'));
    await assert.rejects(left, /gone/);
    const next = runway.run();
    assert.equal(runway.signals.length, 2);
    runway.land('old', 0);
    await settled();
    assert.ok(runway.flights.isFlying('key'), 'the landing of the old flight must not end the new one');
    runway.land('new', 1);
    assert.equal(await next, 'copy of new');
    assert.deepEqual(runway.released, ['old', 'new']);
  });

  it('hands a failure to every waiter and releases nothing', async () => {
    const runway = new Runway();
    const waiting = Array.from({ length: 5 }, () => runway.run());
    const failure = new Error('the KMS said no');
    runway.crash(failure);
    const outcomes = await Promise.allSettled(waiting);
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === failure));
    assert.deepEqual(runway.released, []);
    assert.ok(!runway.flights.isFlying('key'));
  });

  it('takes no caller in whose time is up, and does no work for it', async () => {
    const runway = new Runway();
    await assert.rejects(runway.run(AbortSignal.abort(new Error('too late'))), /too late/);
    assert.equal(runway.signals.length, 0);
  });

  it('releases the value where the last waiter leaves between the landing and its own turn', async () => {
    const runway = new Runway();
    const leaver = new AbortController();
    const first = runway.run();
    runway.land('a');
    queueMicrotask(() => leaver.abort(new Error('gone')));
    const late = runway.run(leaver.signal);
    assert.equal(await first, 'copy of a');
    await assert.rejects(late, /gone/);
    await settled();
    assert.deepEqual(runway.released, ['a']);
  });

  it('keeps flights of different keys apart', async () => {
    const started: string[] = [];
    const flights = new SingleFlight<string, string>({ take: (value) => value, release: () => undefined });
    const fly = (key: string): Promise<string> =>
      flights.run(
        key,
        async () => {
          started.push(key);
          return key;
        },
        NEVER,
      );
    assert.deepEqual(await Promise.all([fly('a'), fly('b'), fly('a')]), ['a', 'b', 'a']);
    assert.deepEqual(started, ['a', 'b']);
  });
});
