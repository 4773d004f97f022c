import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeysideError } from '../../../src/core/errors.ts';
import { SharedQuota } from '../../../src/kms/shared-quota.ts';
import { FakeTimer, settled } from '../../fakes/kms-timer.ts';
import { refused } from '../../fakes/refused.ts';

const LIVE = new AbortController().signal;
const throttled = new KeysideError('KMS_THROTTLED', 'so it ended');

/** A service whose calls end when they are told to. */
class Service {
  readonly timer = new FakeTimer();
  readonly quota = new SharedQuota('aws us-east-1 111122223333', this.timer);
  readonly running: { readonly tenant: string; end(error?: unknown): void }[] = [];

  call(tenant: string): Promise<void> {
    const attempt = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.running.push({ tenant, end: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    return this.quota.run(attempt, { signal: LIVE, lane: tenant });
  }

  async calls(tenant: string, count: number): Promise<void> {
    for (let call = 0; call < count; call++) this.call(tenant).catch(() => undefined);
    await settled();
  }

  /** Ends the calls that run, the first `count` of them. */
  async end(count: number, error?: unknown): Promise<void> {
    for (const { end } of this.running.splice(0, count)) end(error);
    await settled();
  }

  runningOf(tenant: string): number {
    return this.running.filter((call) => call.tenant === tenant).length;
  }
}

describe('a quota that tenants share', () => {
  it('holds nobody back while the service does not throttle', async () => {
    const service = new Service();
    await service.calls('acme', 400);
    assert.equal(service.running.length, 400);
    assert.ok(!service.quota.isHeldBack);
  });

  it('gives a service that throttles seven tenths of its calls under way, however many refusals come together', async () => {
    const service = new Service();
    for (let tenant = 0; tenant < 10; tenant++) await service.calls(`tenant-${tenant}`, 10);
    await service.end(20, throttled);
    await service.end(80);
    for (let tenant = 0; tenant < 10; tenant++) await service.calls(`tenant-${tenant}`, 20);
    // 100 under way when the first refusal came: 70, and a little for each success since.
    assert.equal(service.running.length, 71);
  });

  it('is shared by tenant: few calls are not kept waiting by many', async () => {
    const service = new Service();
    await service.calls('busy', 20);
    await service.end(1, throttled);
    await service.calls('busy', 100);
    await service.calls('quiet', 2);
    assert.equal(service.runningOf('quiet'), 0, 'the busy one has all the places still');
    await service.end(12);
    assert.equal(service.runningOf('quiet'), 2, 'what came free went to the other one first');
    assert.ok(service.runningOf('busy') <= 8, 'and more than half of the places is for no one tenant');
  });

  it('leaves room for the others where all calls of one tenant hang', async () => {
    const service = new Service();
    await service.calls('other', 20);
    await service.end(1, throttled);
    await service.end(19);
    await service.calls('hangs', 100);
    const hanging = service.running.length;
    await service.calls('other', 1);
    assert.equal(service.runningOf('hangs'), hanging);
    assert.equal(service.runningOf('other'), 1);
  });

  it('bears more with every success, until nobody is held back', async () => {
    const service = new Service();
    await service.calls('acme', 10);
    await service.end(1, throttled);
    await service.end(9);
    const limits: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let tenant = 0; tenant < 4; tenant++) await service.calls(`tenant-${tenant}`, 20);
      limits.push(service.running.length);
      while (service.running.length > 0) await service.end(100);
    }
    assert.ok((limits[0] as number) < (limits[1] as number) && (limits[1] as number) < (limits[2] as number), String(limits));
  });

  it('leaves a service that throttles everything four calls at once', async () => {
    const service = new Service();
    for (let round = 0; round < 20; round++) {
      await service.calls(`tenant-${round}`, 8);
      await service.end(100, throttled);
      await service.timer.advance(100);
    }
    while (service.running.length > 0) await service.end(100, throttled);
    for (let tenant = 0; tenant < 8; tenant++) await service.calls(`tenant-${tenant}`, 8);
    assert.equal(service.running.length, 4);
  });

  it('takes other failures for no sign of throttling', async () => {
    const service = new Service();
    const outcome = refused(service.call('acme'), 'KMS_UNAVAILABLE');
    await settled();
    await service.end(1, new KeysideError('KMS_UNAVAILABLE', 'so it ended'));
    await outcome;
    assert.ok(!service.quota.isHeldBack);
  });
});
