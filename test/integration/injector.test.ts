import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Authority } from '../../src/injector/certificates/authority.ts';
import { readCertificates } from '../../src/injector/certificates/trust.ts';
import { FakeApiServer } from '../fakes/fake-api-server.ts';
import { podOf } from '../fakes/pods.ts';
import {
  LEASE_PATH,
  SECRET_PATH,
  secret,
  WEBHOOK_PATH,
  webhook,
  webhookConfiguration,
} from '../unit/injector/certificates/samples.ts';
import { keysideProgram, run, temporaryDirectory } from './daemon-process.ts';
import {
  addressesOf,
  askWebhook,
  type InjectorProcess,
  SERVER_NAME,
  startInjector,
  until,
  writeInjectorFile,
} from './injector-process.ts';

const SELF_MADE = `  source: self-made
  namespace: keyside
  service: injector
  secret: certificate
  lease: injector
  webhookConfiguration: injector
  leaderElection: { leaseDuration: 3s, renewDeadline: 1s, retryPeriod: 200ms }
  checkInterval: 200ms`;
/** An authority that is followed after some 17 seconds, by one that signs half a second later. */
const SHORT_LIVES = `
  authorityLifetime: 27s
  certificateLifetime: 9s
  propagation: 500ms`;

/** A cluster with what the Helm chart makes, and replicas of the injector in it. */
class Deployment {
  readonly api: FakeApiServer;
  readonly replicas: InjectorProcess[] = [];
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.api = new FakeApiServer(directory);
  }

  static async begin(t: TestContext): Promise<Deployment> {
    const deployment = new Deployment(temporaryDirectory(t));
    const { api, replicas } = deployment;
    await api.start();
    api.objects.put(SECRET_PATH, secret());
    api.objects.put(LEASE_PATH, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'injector' } });
    api.objects.put(WEBHOOK_PATH, webhookConfiguration(webhook()));
    t.after(async () => {
      for (const { process } of replicas) process.kill('SIGKILL');
      await api.stop();
    });
    return deployment;
  }

  start(certificates: string, nativeSidecars?: string): InjectorProcess {
    const { api, directory } = this;
    const file = writeInjectorFile({ directory, api, certificates, ...(nativeSidecars === undefined ? {} : { nativeSidecars }) });
    const injector = startInjector(file, api);
    this.replicas.push(injector);
    return injector;
  }

  /** What API servers trust. */
  get bundle(): string {
    const { webhooks } = this.api.objects.peek(WEBHOOK_PATH) as { webhooks: { clientConfig: { caBundle?: string } }[] };
    return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
  }

  get holder(): unknown {
    return (this.api.objects.peek(LEASE_PATH).spec as Record<string, unknown> | undefined)?.holderIdentity;
  }

  async ready(injector: InjectorProcess): Promise<number> {
    const { webhookPort, http } = await addressesOf(injector);
    await until(async () => (await fetch(`http://${http}/readyz`)).status === 200, 'a ready injector', this.replicas);
    return webhookPort;
  }
}

function isLeading({ log }: InjectorProcess): boolean {
  return log.findLast(({ message }) => message === 'leading' || message === 'no longer leading')?.message === 'leading';
}

function isTrusted(port: number, ca: string): Promise<boolean> {
  return askWebhook(port, ca, podOf()).then(
    () => true,
    (error: unknown) => {
      assert.match(String(error), /unable to (?:verify|get)|self-signed/);
      return false;
    },
  );
}

describe('keyside injector', () => {
  it('makes its certificate, publishes its authority, adds the sidecar over TLS; another follows, and takes over', async (t) => {
    const deployment = await Deployment.begin(t);
    const first = deployment.start(SELF_MADE);
    const firstPort = await deployment.ready(first);
    assert.ok(isLeading(first));
    const reviewed = await askWebhook(firstPort, deployment.bundle, podOf());
    assert.equal(reviewed.body.response?.allowed, true);
    const patch = JSON.parse(Buffer.from(reviewed.body.response?.patch ?? '', 'base64').toString());
    assert.ok(JSON.stringify(patch).includes('registry.example.com/keyside:1'));

    const second = deployment.start(SELF_MADE);
    const secondPort = await deployment.ready(second);
    assert.equal(isLeading(second), false);
    await askWebhook(secondPort, deployment.bundle, podOf());
    assert.equal(readCertificates(deployment.bundle).length, 1);

    first.process.kill('SIGKILL');
    await until(() => isLeading(second), 'another leader', deployment.replicas);
    deployment.api.objects.put(WEBHOOK_PATH, webhookConfiguration(webhook('injector', 'bm9uZQ==')));
    await until(() => deployment.bundle.includes('BEGIN CERTIFICATE'), 'the repair of the bundle', deployment.replicas);
    await askWebhook(secondPort, deployment.bundle, podOf());

    assert.equal(await second.stop(), 0);
    assert.equal(deployment.holder, '');
    assert.equal(second.log.at(-1)?.message, 'stopped');
    assert.deepEqual(second.prints, []);
  });

  it('changes certificate and authority, and is trusted by what is published all the time', async (t) => {
    const deployment = await Deployment.begin(t);
    const replicas = [deployment.start(SELF_MADE + SHORT_LIVES), deployment.start(SELF_MADE + SHORT_LIVES)];
    const ports = await Promise.all(replicas.map((replica) => deployment.ready(replica)));
    const [initial] = readCertificates(deployment.bundle);
    let asked = 0;
    const newest = () => readCertificates(deployment.bundle).at(-1)?.fingerprint256;
    const isFollowed = () => newest() !== initial?.fingerprint256;
    const certificates = () => replicas.map(({ log }) => log.filter((line) => line.certificate === true).length);
    const before = () => certificates().reduce((all, each) => all + each);
    let madeBeforeChange = 0;
    await until(
      async () => {
        await Promise.all(ports.map((port) => askWebhook(port, deployment.bundle, podOf())));
        asked += 1;
        if (!isFollowed()) madeBeforeChange = before();
        return isFollowed() && before() > madeBeforeChange;
      },
      'a certificate of the next authority',
      replicas,
    );
    assert.ok(madeBeforeChange >= 2, 'certificates were renewed before the authority was');
    assert.equal(readCertificates(deployment.bundle).length, 2);
    // Both serve it, and are trusted without the first authority.
    const [, next] = deployment.bundle.split(/(?<=-----END CERTIFICATE-----\n)/);
    for (const port of ports) {
      await until(() => isTrusted(port, next ?? ''), 'the certificate of the next authority', replicas);
    }
    assert.ok(asked > 20);
    assert.deepEqual(await Promise.all(replicas.map((replica) => replica.stop())), [0, 0]);
  });

  it('is not ready before there is a certificate that was published, and says why', async (t) => {
    const deployment = await Deployment.begin(t);
    deployment.api.forbids = ({ method }) => method === 'PATCH';
    const injector = deployment.start(SELF_MADE);
    const { http } = await addressesOf(injector);
    const told = () => injector.log.some(({ message }) => message === 'the authorities cannot be published');
    await until(told, 'words about what is forbidden', [injector]);
    assert.equal((await fetch(`http://${http}/readyz`)).status, 503);
    assert.equal((await fetch(`http://${http}/livez`)).status, 200);
    deployment.api.forbids = () => false;
    await askWebhook(await deployment.ready(injector), deployment.bundle, podOf());
    const metrics = await (await fetch(`http://${http}/metrics`)).text();
    assert.match(metrics, /^keyside_injector_pod_duration_seconds_count\{outcome="injected"\} 1$/m);
    const [, ends] = /^keyside_injector_certificate_expiry_seconds (\d+)$/m.exec(metrics) ?? [];
    const days = (Number(ends) - Date.now() / 1000) / 86_400;
    assert.ok(days > 29 && days < 31, `${ends}`);
    assert.equal(await injector.stop(), 0);
  });

  it('makes a plain container where the API server is older than 1.29', async (t) => {
    const deployment = await Deployment.begin(t);
    deployment.api.version = { major: '1', minor: '28+' };
    const injector = deployment.start(SELF_MADE);
    const reviewed = await askWebhook(await deployment.ready(injector), deployment.bundle, podOf());
    const patch = Buffer.from(reviewed.body.response?.patch ?? '', 'base64').toString();
    assert.ok(patch.includes('/spec/containers/') && !patch.includes('initContainers'), patch);
    assert.equal(await injector.stop(), 0);
  });

  it("serves somebody else's certificate from files, and the next one when it is there", async (t) => {
    const deployment = await Deployment.begin(t);
    const { directory } = deployment;
    /** Each of an authority of its own, so that it is known which one is served. */
    const write = (): string => {
      const { authority, pair } = Authority.make({ nowMs: Date.now(), lifetimeMs: 3_600_000 });
      const { certificate, privateKey } = authority.issue({ nowMs: Date.now(), lifetimeMs: 3_600_000, dnsNames: [SERVER_NAME] });
      writeFileSync(join(directory, 'tls.crt'), certificate);
      writeFileSync(join(directory, 'tls.key'), privateKey);
      return pair.certificate;
    };
    const injector = deployment.start(`  source: files\n  directory: ${directory}\n  checkInterval: 100ms`, 'on');
    await until(() => injector.log.some(({ level }) => level === 'error'), 'words about files that are missing', [injector]);
    const first = write();
    const port = await deployment.ready(injector);
    await askWebhook(port, first, podOf());
    const second = write();
    await until(() => isTrusted(port, second), 'the certificate that replaced the first', [injector]);
    assert.equal(await isTrusted(port, first), false);
    assert.deepEqual(deployment.api.asked, []);
    assert.equal(await injector.stop(), 0);
  });

  it('ends in words, with every fault of its configuration', async (t) => {
    const file = join(temporaryDirectory(t), 'injector.yaml');
    writeFileSync(file, 'listen: { webhook: nowhere }\n');
    const { code, stderr } = await run(process.execPath, [keysideProgram, 'injector', '--config', file]);
    assert.equal(code, 1);
    assert.match(stderr, /injector\.yaml:1:20: listen\.webhook: must be an address/);
    assert.match(stderr, /sidecar: is missing/);
    assert.match(stderr, /certificates: is missing/);
  });

  it('ends while it still waits for a certificate', async (t) => {
    const deployment = await Deployment.begin(t);
    deployment.api.isOut = true;
    const injector = deployment.start(SELF_MADE);
    await until(() => injector.log.some(({ message }) => message === 'started'), 'a start', [injector]);
    injector.process.kill('SIGTERM');
    const [code] = await once(injector.process, 'exit');
    assert.equal(code, 0);
  });
});
