import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonLogger, type JsonLoggerOptions, type LogScheduler } from '../../../src/telemetry/json-logger.ts';
import type { LogSink } from '../../../src/telemetry/log-sink.ts';

/** A sink that takes what the test lets it. */
class FakeSink implements LogSink {
  readonly writes: string[] = [];
  /** Bytes it takes before it would block. */
  room = Number.POSITIVE_INFINITY;
  isBroken = false;

  write(bytes: Uint8Array): number {
    if (this.isBroken) throw Object.assign(new Error('broken pipe'), { code: 'EPIPE' });
    const taken = Math.min(this.room, bytes.length);
    if (taken > 0) this.writes.push(Buffer.from(bytes.subarray(0, taken)).toString('latin1'));
    this.room -= taken;
    return taken;
  }

  get text(): string {
    return Buffer.from(this.writes.join(''), 'latin1').toString();
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

/** Runs what is scheduled when the test says so. */
class FakeScheduler implements LogScheduler {
  #soon: (() => void)[] = [];
  #later: (() => void)[] = [];
  pauses = 0;
  onPause: () => void = () => undefined;

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  after(_delayMs: number, run: () => void): void {
    this.#later.push(run);
  }

  pause(): void {
    this.pauses += 1;
    this.onPause();
  }

  endTurn(): void {
    for (const run of this.#soon.splice(0)) run();
  }

  passTime(): void {
    for (const run of this.#later.splice(0)) run();
  }

  get waiting(): number {
    return this.#later.length;
  }
}

function logging(options: Partial<JsonLoggerOptions> = {}) {
  const sink = new FakeSink();
  const scheduler = new FakeScheduler();
  return { sink, scheduler, logger: new JsonLogger({ sink, scheduler, now: () => 0, ...options }) };
}

test('the lines of one turn of the event loop are written together at its end', () => {
  const { sink, scheduler, logger } = logging();
  logger.log('info', 'one');
  logger.log('error', 'two', { reason: 'INTERNAL' });
  assert.deepEqual(sink.writes, []);
  scheduler.endTurn();
  assert.equal(sink.writes.length, 1);
  assert.deepEqual(
    sink.lines.map(({ level, message, reason }) => [level, message, reason]),
    [
      ['info', 'one', undefined],
      ['error', 'two', 'INTERNAL'],
    ],
  );
});

test('16 KiB of lines are written at once', () => {
  const { sink, logger } = logging();
  for (let index = 0; index < 10; index += 1) logger.log('info', 'much', { text: 'x'.repeat(1900) });
  assert.equal(sink.writes.length, 1);
  assert.ok(sink.text.length >= 16 * 1024);
});

test('lines below the level are not written', () => {
  const { sink, scheduler, logger } = logging({ level: 'warn' });
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger.log(level, level);
  scheduler.endTurn();
  assert.deepEqual(
    sink.lines.map(({ message }) => message),
    ['warn', 'error'],
  );
});

test('flushSync writes what is buffered now', () => {
  const { sink, logger } = logging();
  logger.log('error', 'last words');
  logger.flushSync();
  assert.equal(sink.lines[0]?.message, 'last words');
});

test('flushSync waits a little for a sink that takes nothing, and not for ever', () => {
  const { sink, scheduler, logger } = logging();
  sink.room = 0;
  logger.log('error', 'last words');
  logger.flushSync();
  assert.equal(scheduler.pauses, 20);
  scheduler.onPause = () => {
    sink.room = Number.POSITIVE_INFINITY;
  };
  logger.flushSync();
  assert.equal(sink.lines[0]?.message, 'last words');
});

test('a line the sink took in part is finished later, before any other', () => {
  const { sink, scheduler, logger } = logging();
  sink.room = 10;
  logger.log('info', 'first');
  scheduler.endTurn();
  logger.log('info', 'second');
  scheduler.endTurn();
  assert.equal(sink.text.length, 10);
  sink.room = Number.POSITIVE_INFINITY;
  scheduler.passTime();
  assert.deepEqual(
    sink.lines.map(({ message }) => message),
    ['first', 'second'],
  );
});

test('while the sink takes nothing lines wait up to the bound, further ones are dropped, and their number is logged afterwards', () => {
  const { sink, scheduler, logger } = logging({ maxBufferBytes: 1000 });
  sink.room = 0;
  for (let index = 0; index < 100; index += 1) logger.log('info', 'same', { text: 'é'.repeat(20) });
  scheduler.endTurn();
  scheduler.passTime();
  sink.room = Number.POSITIVE_INFINITY;
  scheduler.passTime();
  assert.ok(Buffer.byteLength(sink.text) < 1200);
  const kept = sink.lines.filter(({ message }) => message === 'same').length;
  assert.equal(sink.lines.at(-1)?.message, 'log lines were dropped');
  assert.equal(sink.lines.at(-1)?.level, 'warn');
  assert.equal(sink.lines.at(-1)?.lines, 100 - kept);
  logger.log('info', 'after');
  scheduler.endTurn();
  assert.equal(sink.lines.at(-1)?.message, 'after');
  assert.equal(sink.lines.filter(({ message }) => message === 'log lines were dropped').length, 1);
});

test('a broken sink makes nothing throw and nothing grow, and when it works again the losses are told once', () => {
  const { sink, scheduler, logger } = logging();
  sink.isBroken = true;
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 10; index += 1) logger.log('info', 'lost');
    scheduler.endTurn();
    scheduler.passTime();
  }
  logger.flushSync();
  sink.isBroken = false;
  scheduler.passTime();
  assert.deepEqual(
    sink.lines.map(({ message, lines }) => [message, lines]),
    [['log lines were dropped', 30]],
  );
  assert.equal(scheduler.waiting, 0);
});

test('a line that a break cut in two does not run into the next one', () => {
  const { sink, scheduler, logger } = logging();
  sink.room = 10;
  logger.log('info', 'cut');
  scheduler.endTurn();
  sink.isBroken = true;
  scheduler.passTime();
  sink.isBroken = false;
  sink.room = Number.POSITIVE_INFINITY;
  logger.log('info', 'whole');
  scheduler.passTime();
  const [cut, ...rest] = sink.text.split('\n');
  assert.equal(cut?.length, 10);
  assert.deepEqual(
    rest.filter((line) => line !== '').map((line) => JSON.parse(line).message),
    ['whole', 'log lines were dropped'],
  );
});

test('property: whatever the sink does, lines come out whole and in order, none twice, and every loss is counted', () => {
  const deed = fc.oneof(
    fc.constant({ kind: 'log' } as const),
    fc.constant({ kind: 'turn' } as const),
    fc.constant({ kind: 'time' } as const),
    fc.record({ kind: fc.constant('room' as const), room: fc.integer({ min: 0, max: 300 }) }),
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 200 }), (deeds) => {
      const { sink, scheduler, logger } = logging({ maxBufferBytes: 500 });
      let logged = 0;
      for (const each of deeds) {
        if (each.kind === 'log') logger.log('info', 'line', { number: logged++ });
        if (each.kind === 'turn') scheduler.endTurn();
        if (each.kind === 'time') scheduler.passTime();
        if (each.kind === 'room') sink.room = each.room;
      }
      sink.room = Number.POSITIVE_INFINITY;
      logger.flushSync();
      const numbers = sink.lines.filter(({ message }) => message === 'line').map(({ number }) => Number(number));
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
      );
      const dropped = sink.lines.reduce((sum, { lines }) => sum + Number(lines ?? 0), 0);
      assert.equal(numbers.length + dropped, logged);
    }),
    { numRuns: 200 },
  );
});
