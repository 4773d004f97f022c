import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type TenantHealth, TenantOutcomes } from '../../../src/rpc/tenant-outcomes.ts';
import type { Outcome } from '../../../src/telemetry/telemetry.ts';

describe("the health of a tenant's key", () => {
  const cases: { input: readonly Outcome[]; want: TenantHealth }[] = [
    { input: [], want: 'UNKNOWN' },
    { input: ['OK'], want: 'SERVING' },
    { input: ['KEY_REVOKED'], want: 'NOT_SERVING' },
    { input: ['KEY_ACCESS_DENIED'], want: 'NOT_SERVING' },
    { input: ['KEY_DISABLED_HERE'], want: 'NOT_SERVING' },
    { input: ['KMS_UNAVAILABLE'], want: 'NOT_SERVING' },
    { input: ['NO_PRIMARY_KEY'], want: 'NOT_SERVING' },
    { input: ['CIPHERTEXT_REJECTED'], want: 'UNKNOWN' },
    { input: ['OVERLOADED', 'DEADLINE_EXCEEDED', 'CANCELLED', 'INTERNAL', 'REQUEST_INVALID'], want: 'UNKNOWN' },
    { input: ['OK', 'CIPHERTEXT_REJECTED'], want: 'SERVING' },
    { input: ['OK', 'KEY_REVOKED', 'POLICY_DENIED'], want: 'NOT_SERVING' },
    { input: ['KEY_REVOKED', 'OK'], want: 'SERVING' },
  ];
  for (const { input, want } of cases) {
    it(`is ${want} after ${input.join(', ') || 'nothing'}`, () => {
      const [each, together] = [new TenantOutcomes(), new TenantOutcomes()];
      for (const outcome of input) each.record('acme', [outcome]);
      together.record('acme', input);
      assert.deepEqual([each.get('acme'), together.get('acme')], [want, want]);
      assert.equal(each.get('globex'), 'UNKNOWN');
    });
  }

  it('is told to who listens at each change and at nothing else, until it stops listening', () => {
    const outcomes = new TenantOutcomes();
    const heard: TenantHealth[] = [];
    const stop = outcomes.listen('acme', (health) => heard.push(health));
    for (const outcome of ['OK', 'OK', 'KMS_TIMEOUT', 'KEY_REVOKED', 'POLICY_DENIED', 'OK'] as const)
      outcomes.record('acme', [outcome]);
    outcomes.record('globex', ['KEY_REVOKED']);
    outcomes.record('acme', ['KEY_REVOKED', 'OK']);
    stop();
    stop();
    outcomes.record('acme', ['KEY_REVOKED']);
    assert.deepEqual(heard, ['SERVING', 'NOT_SERVING', 'SERVING']);
  });

  it('is kept for a bounded number of tenants', () => {
    const outcomes = new TenantOutcomes();
    for (let at = 0; at <= 10_000; at++) outcomes.record(String(at), ['OK']);
    assert.deepEqual([outcomes.get('0'), outcomes.get('10000')], ['UNKNOWN', 'SERVING']);
  });
});
