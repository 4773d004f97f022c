import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Admission, type AdmissionLimits, CALL_BYTES } from '../../../src/rpc/admission.ts';
import { settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';

const MIB = 2 ** 20;

function admissionOf(maxConcurrentCalls: number, limits: Partial<AdmissionLimits> = {}): Admission {
  return new Admission({
    maxConcurrentCalls,
    maxConcurrentCallsPerTenant: 1_000,
    maxConcurrentCallsPerCaller: 1_000,
    maxBytesInFlight: 64 * MIB,
    maxBytesInFlightPerCaller: 64 * MIB,
    ...limits,
  });
}

describe('admission', () => {
  it('takes calls up to the limit, refuses one more, and takes one again when one has left', async () => {
    const admission = admissionOf(2);
    const account = admission.accountOf('app', true);
    admission.enter(account);
    admission.enter(account);
    const { details } = await refused(() => admission.enter(account), 'OVERLOADED');
    assert.deepEqual(details, { limitCalls: 2 });
    assert.equal(admission.calls, 2, 'a call that was refused is not counted');
    admission.leave(account, 0);
    admission.enter(account);
  });

  it('takes calls of one tenant up to its limit, and more of it when one has left, whatever others do', async () => {
    const admission = admissionOf(10, { maxConcurrentCallsPerTenant: 2 });
    const leave = [admission.enterTenant('acme'), admission.enterTenant('acme')];
    const { details } = await refused(() => admission.enterTenant('acme'), 'OVERLOADED');
    assert.deepEqual(details, { tenantId: 'acme', limitCalls: 2 });
    admission.enterTenant('globex');
    leave[0]?.();
    admission.enterTenant('acme');
    await refused(() => admission.enterTenant('acme'), 'OVERLOADED');
  });

  it('drains at once where nothing runs', async () => {
    const admission = admissionOf(2);
    const account = admission.accountOf('app', true);
    assert.ok(!admission.isDraining);
    await admission.drain();
    assert.ok(admission.isDraining);
    await refused(() => admission.enter(account), 'DRAINING');
    await refused(() => admission.assertOpen(), 'DRAINING');
  });

  it('refuses new calls while it drains, and has drained when the last running one left, however often it is asked to', async () => {
    const admission = admissionOf(1);
    const account = admission.accountOf('app', true);
    admission.enter(account);
    let drained = 0;
    const draining = [admission.drain(), admission.drain()].map((each) => each.then(() => (drained += 1)));
    await refused(() => admission.enter(account), 'DRAINING');
    await settled();
    assert.equal(drained, 0);
    admission.leave(account, 0);
    await Promise.all(draining);
    assert.equal(drained, 2);
  });

  it('takes calls and bytes of one caller up to its limits, whatever others do', async () => {
    const admission = admissionOf(10, { maxConcurrentCallsPerCaller: 2, maxBytesInFlightPerCaller: 8 * MIB });
    const [app, job] = [admission.accountOf('app', true), admission.accountOf('job', true)];
    admission.enter(app);
    admission.enter(app);
    const calls = await refused(() => admission.enter(app), 'OVERLOADED');
    assert.deepEqual(calls.details, { callerId: 'app', limitCalls: 2 });
    admission.enter(job);
    admission.takeBytes(app, 7 * MIB);
    const bytes = await refused(() => admission.takeBytes(app, MIB), 'OVERLOADED');
    assert.deepEqual(bytes.details, { callerId: 'app', limitBytes: 8 * MIB });
    admission.takeBytes(job, 7 * MIB);
    admission.leave(app, 7 * MIB);
    admission.enter(app);
    admission.takeBytes(app, 7 * MIB);
  });

  it('bounds who has no token of its own by the whole alone', () => {
    const admission = admissionOf(10, { maxConcurrentCallsPerCaller: 1, maxBytesInFlightPerCaller: MIB });
    const anonymous = admission.accountOf('anonymous', false);
    for (let call = 0; call < 10; call += 1) admission.enter(anonymous);
    admission.takeBytes(anonymous, 32 * MIB);
    assert.equal(admission.accountOf('anonymous', false), anonymous);
  });

  it('keeps an eighth of the memory for small calls, and counts every call', async () => {
    const admission = admissionOf(1_000);
    const account = admission.accountOf('app', true);
    admission.enter(account);
    admission.takeBytes(account, 55 * MIB);
    const { details } = await refused(() => admission.takeBytes(account, MIB), 'OVERLOADED');
    assert.deepEqual(details, { limitBytes: 56 * MIB });
    const room = (9 * MIB) / CALL_BYTES - 1;
    for (let call = 0; call < room; call += 1) admission.enter(account);
    assert.equal(admission.bytes, 64 * MIB);
    await refused(() => admission.enter(account), 'OVERLOADED');
    admission.leave(account, 55 * MIB);
    for (let call = 0; call < room; call += 1) admission.leave(account, 0);
    assert.deepEqual([admission.bytes, admission.calls, account.bytes, account.calls], [0, 0, 0, 0]);
  });

  it('says of what will never find room that it is too large, which no retry changes', async () => {
    const admission = admissionOf(10);
    const account = admission.accountOf('app', true);
    admission.enter(account);
    const { retryAfterMs } = await refused(() => admission.takeBytes(account, 56 * MIB), 'PAYLOAD_TOO_LARGE');
    assert.equal(retryAfterMs, undefined);
  });
});
