import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bulkhead } from '../../../src/kms/bulkhead.ts';
import { refused } from '../../fakes/refused.ts';

const LIVE = new AbortController().signal;

/** Lets everything that is ready go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Subject {
  readonly bulkhead: Bulkhead;
  /** The lanes in the order in which their work began. */
  readonly began: string[] = [];
  readonly #running: (() => void)[] = [];

  constructor(maxConcurrent: number, maxQueued: number) {
    this.bulkhead = new Bulkhead('key acme', { maxConcurrent, maxQueued });
  }

  ask(lane: string, signal = LIVE): Promise<void> {
    const work = (): Promise<void> => {
      this.began.push(lane);
      return new Promise((resolve) => this.#running.push(resolve));
    };
    return this.bulkhead.run(work, { signal, lane });
  }

  /** Ends the work that began first. */
  async end(): Promise<void> {
    await settled();
    this.#running.shift()?.();
    await settled();
  }
}

describe('the places of one key', () => {
  it('go to the lanes in turn: a tenant with many calls does not keep back one with few', async () => {
    const subject = new Subject(1, 10);
    for (const lane of ['first', 'many', 'many', 'many', 'few', 'many', 'other', 'few']) void subject.ask(lane);
    for (let round = 0; round < 8; round++) await subject.end();
    assert.deepEqual(subject.began, ['first', 'many', 'few', 'other', 'many', 'few', 'many', 'many']);
  });

  it('are refused beyond the queue, which counts all lanes together', async () => {
    const subject = new Subject(1, 2);
    for (const lane of ['a', 'b', 'c']) void subject.ask(lane);
    await refused(subject.ask('d'), 'OVERLOADED', /1 calls to its KMS under way and 2 waiting/);
  });

  it('are given up at once by a waiter whose signal aborts, and its place in the queue with them', async () => {
    const subject = new Subject(1, 1);
    void subject.ask('a');
    const abort = new AbortController();
    const waiting = subject.ask('b', abort.signal);
    abort.abort();
    await refused(waiting, 'CANCELLED');
    void subject.ask('c');
    await subject.end();
    assert.deepEqual(subject.began, ['a', 'c']);
  });

  it('go first to who has the fewest: one whose calls hang does not keep what comes free', async () => {
    const subject = new Subject(3, 10);
    for (const lane of ['hangs', 'hangs', 'works', 'hangs', 'works']) void subject.ask(lane);
    await subject.end();
    assert.deepEqual(subject.began, ['hangs', 'hangs', 'works', 'hangs']);
    await subject.end();
    assert.deepEqual(subject.began, ['hangs', 'hangs', 'works', 'hangs', 'works']);
  });

  it('are no more than a lane may have, though others are free, until that changes', async () => {
    const subject = new Subject(4, 10);
    subject.bulkhead.resize(4, 1);
    for (const lane of ['a', 'a', 'b']) void subject.ask(lane);
    await settled();
    assert.deepEqual(subject.began, ['a', 'b']);
    subject.bulkhead.resize(4, 2);
    await settled();
    assert.deepEqual(subject.began, ['a', 'b', 'a']);
  });

  it('that are taken away are not taken from who has them', async () => {
    const subject = new Subject(3, 10);
    for (const lane of ['a', 'b', 'c']) void subject.ask(lane);
    subject.bulkhead.resize(1, 1);
    void subject.ask('d');
    await subject.end();
    await subject.end();
    assert.deepEqual(subject.began, ['a', 'b', 'c']);
    await subject.end();
    assert.deepEqual(subject.began, ['a', 'b', 'c', 'd']);
    assert.equal(subject.bulkhead.taken, 1);
  });
});
