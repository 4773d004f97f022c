import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryBudget } from '../../../src/kms/retry-budget.ts';
import { rejects } from '../../contract/kms-calls.ts';
import { generate, setup, UNREACHABLE } from './guard-setup.ts';

describe('the budget of retries', () => {
  it('has ten in hand, and then one for every five calls', () => {
    const budget = new RetryBudget();
    const taken = (): number => {
      let count = 0;
      while (budget.take()) count += 1;
      return count;
    };
    assert.equal(taken(), 10);
    for (let call = 0; call < 26; call++) budget.noteCall();
    assert.equal(taken(), 5);
    for (let call = 0; call < 1_000; call++) budget.noteCall();
    assert.equal(taken(), 10, 'and never more than ten');
  });

  it('ends the retries of a key whose KMS fails every call', async () => {
    const s = setup({ maxAttempts: 2, failuresToOpen: 1_000 });
    s.kms.script(...Array<typeof UNREACHABLE>(40).fill(UNREACHABLE));
    for (let call = 0; call < 20; call++) {
      const outcome = rejects(generate(s), 'KMS_UNAVAILABLE');
      await s.timer.advance(1_000);
      await outcome;
    }
    // Ten in hand, and three that fifteen calls bring in after the first.
    assert.equal(s.kms.calls.length, 20 + 13);
  });
});
