import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HedgeDelay } from '../../../src/kms/hedge-delay.ts';

describe('when an answer is late', () => {
  it('is not known before sixteen answers', () => {
    const delay = new HedgeDelay();
    for (let answer = 0; answer < 15; answer++) delay.noteAnswer(100);
    assert.equal(delay.ms, undefined);
    delay.noteAnswer(100);
    assert.equal(delay.ms, 200);
  });

  it('is twice what 95 of 100 answers take: one slow answer of many changes nothing', () => {
    const delay = new HedgeDelay();
    for (let answer = 0; answer < 63; answer++) delay.noteAnswer(40 + (answer % 2));
    delay.noteAnswer(3_000);
    assert.equal(delay.ms, 82);
  });

  it('is never below 50 ms', () => {
    const delay = new HedgeDelay();
    for (let answer = 0; answer < 16; answer++) delay.noteAnswer(2);
    assert.equal(delay.ms, 50);
  });

  it('follows the last 64 answers', () => {
    const delay = new HedgeDelay();
    for (let answer = 0; answer < 64; answer++) delay.noteAnswer(1_000);
    for (let answer = 0; answer < 64; answer++) delay.noteAnswer(100);
    assert.equal(delay.ms, 200);
  });
});
