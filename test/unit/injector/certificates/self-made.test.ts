import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import type { ApiServer, ApiServerFailure } from '../../../../src/injector/certificates/api-server.ts';
import { SelfMadeCertificates } from '../../../../src/injector/certificates/self-made.ts';
import { isCovered, readCertificates, type ServingCertificate } from '../../../../src/injector/certificates/trust.ts';
import { ClusterObjects, failure } from '../../../fakes/cluster-objects.ts';
import { KeptLog, NAMESPACE, SECRET_PATH, SERVICE, secret, WEBHOOK_PATH, webhook, webhookConfiguration } from './samples.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2030, 0, 1);

interface Replica {
  readonly certificates: SelfMadeCertificates;
  readonly leader: { isLeading: boolean };
  readonly log: KeptLog;
  /** Every certificate that was handed over. */
  readonly served: ServingCertificate[];
}

class World {
  readonly cluster = new ClusterObjects();
  nowMs = START_MS;
  /** How far the wall clock is off. */
  wrongMs = 0;
  /** What requests fail with. */
  fails: (verb: keyof ApiServer, path: string) => ApiServerFailure | undefined = () => undefined;

  constructor() {
    this.cluster.put(SECRET_PATH, secret());
    this.cluster.put(WEBHOOK_PATH, webhookConfiguration(webhook()));
  }

  replica({ isLeading = false } = {}): Replica {
    const [leader, log, served] = [{ isLeading }, new KeptLog(), [] as ServingCertificate[]];
    const certificates = new SelfMadeCertificates({
      api: this.#api(),
      leader,
      secret: 'certificate',
      place: { webhookConfiguration: 'injector', namespace: NAMESPACE, service: SERVICE },
      rules: { dnsNames: ['injector.keyside.svc'], authorityLifetimeMs: 90 * DAY_MS, certificateLifetimeMs: 30 * DAY_MS },
      propagationMs: 2 * MINUTE_MS,
      monotonicMs: () => this.nowMs - START_MS,
      wallMs: () => this.nowMs + this.wrongMs,
      logger: log,
      onCertificate: (serving) => served.push(serving),
    });
    return { certificates, leader, log, served };
  }

  get published() {
    const { webhooks } = this.cluster.peek(WEBHOOK_PATH) as { webhooks: { clientConfig: { caBundle?: string } }[] };
    return readCertificates(Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString());
  }

  trusts(serving: ServingCertificate | undefined): boolean {
    return serving !== undefined && isCovered(serving.leaf, this.published, this.nowMs);
  }

  #api(): ApiServer {
    const act = <Answer>(verb: keyof ApiServer, path: string, action: () => Promise<Answer>): Promise<Answer> => {
      const fails = this.fails(verb, path);
      return fails === undefined ? action() : Promise.reject(failure(fails, `${verb} ${path}`));
    };
    return {
      get: (path) => act('get', path, () => this.cluster.get(path)),
      create: (path, object) => act('create', path, () => this.cluster.create(path, object)),
      replace: (path, object) => act('replace', path, () => this.cluster.replace(path, object)),
      patch: (path, steps) => act('patch', path, () => this.cluster.patch(path, steps)),
    };
  }
}

describe('certificates that the injector makes itself', () => {
  it('are made and published by the leader, and served by all', async () => {
    const world = new World();
    const [a, b] = [world.replica({ isLeading: true }), world.replica()];
    await b.certificates.check();
    assert.deepEqual([b.served.length, b.certificates.isReady], [0, false]);
    await a.certificates.check();
    await b.certificates.check();
    assert.ok(world.trusts(a.served[0]));
    assert.deepEqual([a.served.length, b.served[0]?.certificate], [1, a.served[0]?.certificate]);
    assert.deepEqual([a.certificates.isReady, b.certificates.isReady], [true, true]);
    assert.deepEqual((world.cluster.peek(SECRET_PATH).metadata as { labels?: unknown }).labels, {
      'app.kubernetes.io/name': 'keyside',
    });
  });

  it('are written into a Secret of their own where there is none', async () => {
    const world = new World();
    world.cluster.remove(SECRET_PATH);
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    assert.equal(a.certificates.isReady, true);
    assert.deepEqual(world.cluster.writes[0], { verb: 'create', path: SECRET_PATH });
  });

  it('cost no writes while nothing is due', async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    const writes = world.cluster.writes.length;
    for (let hour = 0; hour < 24; hour += 1) {
      world.nowMs += 60 * MINUTE_MS;
      await a.certificates.check();
    }
    assert.deepEqual([world.cluster.writes.length, a.served.length], [writes, 1]);
  });

  it('change their authority so that every replica is trusted at each step', async () => {
    const world = new World();
    const [a, b] = [world.replica({ isLeading: true }), world.replica()];
    const look = async (): Promise<void> => {
      await a.certificates.check();
      assert.ok(world.trusts(a.served.at(-1)));
      await b.certificates.check();
      assert.ok(world.trusts(b.served.at(-1)));
    };
    await look();
    world.nowMs = START_MS + 45 * DAY_MS;
    await a.certificates.check();
    world.nowMs += 3 * MINUTE_MS;
    await look();
    world.nowMs = START_MS + 61 * DAY_MS;
    await look();
    assert.equal(world.published.length, 2);
    const before = b.served.at(-1);
    world.nowMs += MINUTE_MS;
    await look();
    assert.equal(b.served.at(-1), before);
    world.nowMs += MINUTE_MS;
    await a.certificates.check();
    assert.ok(world.trusts(before), 'a replica that has not looked yet');
    await look();
    assert.notEqual(b.served.at(-1)?.certificate, before?.certificate);
    assert.equal(world.published.length, 2);
  });

  it('are of the next authority when time has passed, and not when the wall clock was set', async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    for (const day of [45, 61]) {
      world.nowMs = START_MS + day * DAY_MS;
      await a.certificates.check();
      world.nowMs += 3 * MINUTE_MS;
      if (day === 45) await a.certificates.check();
    }
    world.nowMs -= 3 * MINUTE_MS;
    const [before] = [a.served.at(-1)];
    assert.equal(world.published.length, 2);
    world.nowMs += 5_000;
    world.wrongMs = 3 * MINUTE_MS;
    await a.certificates.check();
    assert.equal(a.served.at(-1), before);
    world.nowMs += 2 * MINUTE_MS;
    await a.certificates.check();
    assert.notEqual(a.served.at(-1)?.certificate, before?.certificate);
  });

  for (const aheadMs of [20 * MINUTE_MS, DAY_MS, 400 * DAY_MS]) {
    it(`are good at the first look after a clock that was ${aheadMs / MINUTE_MS} minutes ahead at the start, and written once more`, async () => {
      const world = new World();
      const [a, b] = [world.replica({ isLeading: true }), world.replica()];
      world.wrongMs = aheadMs;
      await a.certificates.check();
      world.wrongMs = 0;
      for (let look = 0; look < 60; look += 1) {
        world.nowMs += 1_000;
        await a.certificates.check();
        await b.certificates.check();
        assert.deepEqual([a.certificates.isReady, b.certificates.isReady], [true, true], `look ${look}`);
      }
      assert.equal(world.cluster.writes.filter(({ path }) => path === SECRET_PATH).length, 2);
      assert.ok(world.trusts(a.served.at(-1)) && world.trusts(b.served.at(-1)));
    });
  }

  it('outlive looks of a clock that is far behind: every replica serves on what API servers know', async () => {
    const world = new World();
    const [a, b] = [world.replica({ isLeading: true }), world.replica()];
    await a.certificates.check();
    world.nowMs += 10 * DAY_MS;
    await a.certificates.check();
    await b.certificates.check();
    const [known] = world.published;
    world.wrongMs = -400 * DAY_MS;
    for (let look = 0; look < 3; look += 1) await a.certificates.check();
    world.wrongMs = 0;
    for (let second = 0; second < 119; second += 1) {
      world.nowMs += 1_000;
      await a.certificates.check();
      await b.certificates.check();
      assert.ok(world.published.some((authority) => known !== undefined && authority.fingerprint256 === known.fingerprint256));
      assert.ok(known !== undefined && isCovered(b.served.at(-1)?.leaf as X509Certificate, [known], world.nowMs));
    }
    world.nowMs += 10_000;
    await b.certificates.check();
    assert.ok(world.trusts(b.served.at(-1)));
    assert.equal(world.cluster.writes.filter(({ path }) => path === SECRET_PATH).length, 3);
  });

  it('have their bundle written again where somebody has overwritten it', async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    world.cluster.put(WEBHOOK_PATH, webhookConfiguration(webhook(SERVICE, 'bm9uZQ=='), webhook()));
    await a.certificates.check();
    assert.ok(world.trusts(a.served[0]));
    assert.equal(a.certificates.isReady, true);
  });

  it('begin the time of propagation anew where the bundle was overwritten meanwhile', async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    world.nowMs = START_MS + 21 * DAY_MS;
    world.cluster.put(WEBHOOK_PATH, webhookConfiguration(webhook()));
    await a.certificates.check();
    assert.equal(a.served.length, 1);
    world.nowMs += 2 * MINUTE_MS;
    await a.certificates.check();
    assert.equal(a.served.length, 2);
  });

  it("leave a Secret as it is that is somebody else's or broken, serve on, and tell so once", async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    const strange = world.cluster.put(SECRET_PATH, secret({ 'tls.crt': 'x', 'tls.key': 'y', 'ca.crt': 'z' }));
    for (let time = 0; time < 3; time += 1) await a.certificates.check();
    assert.deepEqual(world.cluster.peek(SECRET_PATH), strange);
    assert.equal(a.certificates.isReady, true);
    assert.deepEqual(a.log.troubles, [
      'the certificates cannot be kept: the secret is left as it is, because it lacks ca.key; empty its data to have it written anew',
    ]);
    world.cluster.put(SECRET_PATH, secret());
    await a.certificates.check();
    assert.ok(world.trusts(a.served.at(-1)));
    assert.equal(a.served.length, 2);
    assert.equal(a.log.lines.filter(({ message }) => message === 'a trouble is over').length, 1);
  });

  it('are not served by a replica while the bundle that it sees does not cover them, and what it has is covered', async () => {
    const world = new World();
    const [a, b] = [world.replica({ isLeading: true }), world.replica()];
    for (const { certificates } of [a, b]) await certificates.check();
    const old = world.cluster.peek(WEBHOOK_PATH);
    world.cluster.put(SECRET_PATH, secret());
    await a.certificates.check();
    const fresh = world.cluster.peek(WEBHOOK_PATH);
    world.cluster.put(WEBHOOK_PATH, old);
    await b.certificates.check();
    assert.equal(b.served.length, 1);
    world.cluster.put(WEBHOOK_PATH, fresh);
    await b.certificates.check();
    assert.equal(b.served.length, 2);
  });

  it('survive another replica that was faster', async () => {
    const world = new World();
    const [a, b] = [world.replica({ isLeading: true }), world.replica({ isLeading: true })];
    await Promise.all([a.certificates.check(), b.certificates.check()]);
    await Promise.all([a.certificates.check(), b.certificates.check()]);
    assert.equal(world.cluster.writes.filter(({ path }) => path === SECRET_PATH).length, 1);
    assert.equal(a.served.at(-1)?.certificate, b.served.at(-1)?.certificate);
    assert.ok(world.trusts(a.served.at(-1)));
    assert.deepEqual([a.log.troubles, b.log.troubles], [[], []]);
  });

  const refusals: readonly { name: string; fails: World['fails']; trouble: string; isServed: boolean }[] = [
    {
      name: 'the Secret may not be read',
      fails: (_verb, path) => (path === SECRET_PATH ? 'forbidden' : undefined),
      trouble: `the certificates cannot be kept: get ${SECRET_PATH}`,
      isServed: false,
    },
    {
      name: 'the Secret may not be written',
      fails: (verb) => (verb === 'replace' ? 'forbidden' : undefined),
      trouble: `the certificates cannot be kept: replace ${SECRET_PATH}`,
      isServed: false,
    },
    {
      name: 'the webhook may not be read',
      fails: (_verb, path) => (path === WEBHOOK_PATH ? 'forbidden' : undefined),
      trouble: `the webhook configuration cannot be read: get ${WEBHOOK_PATH}`,
      isServed: true,
    },
    {
      name: 'the webhook may not be changed',
      fails: (verb) => (verb === 'patch' ? 'forbidden' : undefined),
      trouble: `the authorities cannot be published: patch ${WEBHOOK_PATH}`,
      isServed: true,
    },
  ];
  for (const { name, fails, trouble, isServed } of refusals) {
    it(`are not ready where ${name}, which is told once, and are when that is mended`, async () => {
      const world = new World();
      const a = world.replica({ isLeading: true });
      world.fails = fails;
      await a.certificates.check();
      await a.certificates.check();
      assert.deepEqual([a.certificates.isReady, a.served.length, a.log.troubles], [false, isServed ? 1 : 0, [trouble]]);
      world.fails = () => undefined;
      await a.certificates.check();
      assert.deepEqual([a.certificates.isReady, world.trusts(a.served.at(-1))], [true, true]);
    });
  }

  it('stay ready through an outage of the API server, until the certificate ends', async () => {
    const world = new World();
    const a = world.replica({ isLeading: true });
    await a.certificates.check();
    world.fails = () => 'unavailable';
    world.nowMs += 29 * DAY_MS;
    await a.certificates.check();
    assert.equal(a.certificates.isReady, true);
    world.nowMs += 2 * DAY_MS;
    assert.equal(a.certificates.isReady, false);
    world.fails = () => undefined;
    await a.certificates.check();
    assert.deepEqual([a.certificates.isReady, world.trusts(a.served.at(-1))], [true, true]);
  });
});
