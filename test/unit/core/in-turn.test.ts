import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type InTurn, inTurn } from '../../../src/core/in-turn.ts';
import { FakeTimer, settled } from '../../fakes/kms-timer.ts';

const PATIENCE_MS = 100;

/** Candidates that end when they are told to; failures named `weather…` move on. */
class Subject {
  readonly timer = new FakeTimer();
  readonly causes: string[] = [];
  readonly discarded: string[] = [];
  readonly #candidates: PromiseWithResolvers<string>[] = [];
  readonly result: Promise<string>;

  constructor(count: number) {
    const turns: InTurn<string> = {
      next: (cause) => {
        if (this.#candidates.length === count) return undefined;
        this.causes.push(cause);
        const candidate = Promise.withResolvers<string>();
        this.#candidates.push(candidate);
        return candidate.promise;
      },
      movesOn: (error) => String(error).startsWith('weather'),
      worse: (earlier, later) => `${earlier}, then ${later}`,
      patienceMs: PATIENCE_MS,
      after: (ms, callback) => this.timer.after(ms, callback),
      discard: (late) => this.discarded.push(late),
    };
    this.result = inTurn(turns);
    this.result.catch(() => undefined);
  }

  async yields(candidate: number, value: string): Promise<void> {
    this.#candidates[candidate]?.resolve(value);
    await settled();
  }

  async fails(candidate: number, error: string): Promise<void> {
    this.#candidates[candidate]?.reject(error);
    await settled();
  }
}

describe('candidates in turn', () => {
  it('are asked one alone where it answers', async () => {
    const subject = new Subject(3);
    await subject.timer.advance(99);
    await subject.yields(0, 'first');
    assert.equal(await subject.result, 'first');
    assert.deepEqual(subject.causes, ['start']);
    assert.equal(subject.timer.pending, 0);
  });

  it('are asked at once where the one before failed', async () => {
    const subject = new Subject(3);
    await subject.fails(0, 'weather');
    await subject.yields(1, 'second');
    assert.equal(await subject.result, 'second');
    assert.deepEqual(subject.causes, ['start', 'failure']);
  });

  it('are asked beside the one before where that takes long, each after its own time', async () => {
    const subject = new Subject(3);
    await subject.timer.advance(200);
    assert.deepEqual(subject.causes, ['start', 'patience', 'patience']);
    await subject.yields(1, 'second');
    assert.equal(await subject.result, 'second');
    await subject.yields(0, 'first');
    await subject.fails(2, 'too late to matter');
    assert.deepEqual(subject.discarded, ['first']);
  });

  it('end with a final failure, whoever is still at work', async () => {
    const subject = new Subject(3);
    await subject.timer.advance(100);
    await subject.fails(0, 'refused');
    await assert.rejects(subject.result, (error) => error === 'refused');
    await subject.yields(1, 'second');
    assert.deepEqual(subject.discarded, ['second'], 'a refusal is not outvoted');
    assert.equal(subject.timer.pending, 0);
  });

  it('fail together only when the last one has failed, with what tells most', async () => {
    const subject = new Subject(2);
    await subject.timer.advance(100);
    await subject.fails(0, 'weather here');
    await subject.fails(1, 'weather there');
    await assert.rejects(subject.result, (error) => error === 'weather here, then weather there');
  });

  it('wait for who is at work where there is nobody else to ask', async () => {
    const subject = new Subject(2);
    await subject.timer.advance(1_000);
    await subject.fails(1, 'weather');
    await subject.yields(0, 'first, at last');
    assert.equal(await subject.result, 'first, at last');
  });
});
