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

  /** Ends the first call of this tenant. */
  async endOf(tenant: string, error: unknown): Promise<void> {
    const at = this.running.findIndex((call) => call.tenant === tenant);
    for (const { end } of this.running.splice(at, 1)) end(error);
    await settled();
  }

  runningOf(tenant: string): number {
    return this.running.filter((call) => call.tenant === tenant).length;
  }
}

/** A service that has just throttled two tenants, with 20 calls under way. */
async function throttling(): Promise<Service> {
  const service = new Service();
  await service.calls('one', 10);
  await service.calls('two', 10);
  await service.endOf('one', throttled);
  await service.endOf('two', throttled);
  await service.end(18);
  return service;
}

describe('a quota that tenants share', () => {
  it('holds nobody back while the service does not throttle, but gives no tenant more than half', async () => {
    const service = new Service();
    await service.calls('acme', 400);
    assert.equal(service.running.length, 256);
    await service.calls('globex', 200);
    assert.equal(service.runningOf('globex'), 200);
    assert.ok(!service.quota.isHeldBack);
  });

  it('gives a service that throttles several tenants seven tenths of its calls under way, however many refusals come together', async () => {
    const service = new Service();
    for (let tenant = 0; tenant < 10; tenant++) await service.calls(`tenant-${tenant}`, 10);
    await service.end(20, throttled);
    await service.end(80);
    for (let tenant = 0; tenant < 10; tenant++) await service.calls(`tenant-${tenant}`, 20);
    // 90 to 100 under way when the second tenant was throttled: 63 to 70, and a little for each success since.
    assert.ok(service.running.length >= 63 && service.running.length <= 72, String(service.running.length));
  });

  it('is left as it is where one tenant alone is throttled, however often: that may be its own limit', async () => {
    const service = new Service();
    for (let round = 0; round < 10; round++) {
      await service.calls('noisy', 10);
      await service.end(10, throttled);
      await service.timer.advance(100);
    }
    assert.ok(!service.quota.isHeldBack);
    await service.calls('quiet', 200);
    assert.equal(service.runningOf('quiet'), 200);
  });

  it('takes throttling of two tenants for none of its own where seconds lie between', async () => {
    const service = new Service();
    await service.calls('one', 1);
    await service.end(1, throttled);
    await service.timer.advance(1_000);
    await service.calls('two', 1);
    await service.end(1, throttled);
    assert.ok(!service.quota.isHeldBack);
  });

  it('is shared by tenant: few calls are not kept waiting by many', async () => {
    const service = await throttling();
    await service.calls('busy', 100);
    assert.ok(service.runningOf('busy') <= 9, 'no tenant has more than half of the places');
    await service.calls('quiet', 2);
    assert.equal(service.runningOf('quiet'), 2);
  });

  it('leaves room for the others where all calls of one tenant hang', async () => {
    const service = await throttling();
    await service.calls('hangs', 100);
    const hanging = service.running.length;
    await service.calls('other', 1);
    assert.equal(service.runningOf('hangs'), hanging);
    assert.equal(service.runningOf('other'), 1);
  });

  it('bears more with every success', async () => {
    const service = await throttling();
    const limits: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let tenant = 0; tenant < 4; tenant++) await service.calls(`tenant-${tenant}`, 20);
      limits.push(service.running.length);
      while (service.running.length > 0) await service.end(100);
    }
    assert.ok((limits[0] as number) < (limits[1] as number) && (limits[1] as number) < (limits[2] as number), String(limits));
  });

  it('forgets throttling after ten quiet seconds', async () => {
    const service = await throttling();
    assert.ok(service.quota.isHeldBack);
    await service.timer.advance(10_000);
    await service.calls('acme', 1);
    await service.end(1);
    assert.ok(!service.quota.isHeldBack);
  });

  it('leaves a service that throttles everything sixteen calls at once', async () => {
    const service = new Service();
    for (let round = 0; round < 20; round++) {
      await service.calls(`tenant-${round}`, 8);
      await service.end(100, throttled);
      await service.timer.advance(100);
    }
    while (service.running.length > 0) await service.end(100, throttled);
    for (let tenant = 0; tenant < 8; tenant++) await service.calls(`tenant-${tenant}`, 8);
    assert.equal(service.running.length, 16);
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
