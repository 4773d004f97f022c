import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Admission } from '../../../src/rpc/admission.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';

function admissionOf(maxConcurrentCalls: number, maxConcurrentCallsPerTenant = maxConcurrentCalls): Admission {
  return new Admission({ maxConcurrentCalls, maxConcurrentCallsPerTenant });
}

describe('admission', () => {
  it('takes calls up to the limit, refuses one more, and takes one again when one has left', async () => {
    const admission = new Admission({ maxConcurrentCalls: 2, maxConcurrentCallsPerTenant: 1_000 });
    admission.enter();
    admission.enter();
    const { details } = await refused(() => admission.enter(), 'OVERLOADED');
    assert.deepEqual(details, { limitCalls: 2 });
    assert.equal(admission.calls, 2, 'a call that was refused is not counted');
    admission.leave();
    admission.enter();
  });

  it('takes calls of one tenant up to its limit, and more of it when one has left, whatever others do', async () => {
    const admission = admissionOf(10, 2);
    const leave = [admission.enterTenant('acme'), admission.enterTenant('acme')];
    const { details } = await refused(() => admission.enterTenant('acme'), 'OVERLOADED');
    assert.deepEqual(details, { tenantId: 'acme', limitCalls: 2 });
    admission.enterTenant('globex');
    leave[0]?.();
    admission.enterTenant('acme');
    await refused(() => admission.enterTenant('acme'), 'OVERLOADED');
  });

  it('drains at once where nothing runs', async () => {
    const admission = new Admission({ maxConcurrentCalls: 2, maxConcurrentCallsPerTenant: 1_000 });
    assert.ok(!admission.isDraining);
    await admission.drain();
    assert.ok(admission.isDraining);
    await refused(() => admission.enter(), 'DRAINING');
    await refused(() => admission.assertOpen(), 'DRAINING');
  });

  it('refuses new calls while it drains, and has drained when the last running one left, however often it is asked to', async () => {
    const admission = new Admission({ maxConcurrentCalls: 1, maxConcurrentCallsPerTenant: 1_000 });
    admission.enter();
    let drained = 0;
    const draining = [admission.drain(), admission.drain()].map((each) => each.then(() => (drained += 1)));
    await refused(() => admission.enter(), 'DRAINING');
    await settled();
    assert.equal(drained, 0);
    admission.leave();
    await Promise.all(draining);
    assert.equal(drained, 2);
  });
});
