import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { Authority } from '../../src/injector/certificates/authority.ts';
import { addressesOf, type InjectorProcess, startInjector } from '../integration/injector-process.ts';
import { runGoSuite } from './go-suite.ts';
import { only, ROOT, render } from './helm-chart.ts';
import { whyNoGo, whyNoHelm } from './kubernetes-tools.ts';

const COMPILE_MS = 900_000;
const HOUR_MS = 3_600_000;

const missing = (await whyNoHelm()) ?? (await whyNoGo());
if (missing !== undefined) console.log(`# ${missing}`);

describe("the injector, asked by the code of Kubernetes' API server", { skip: missing ?? false }, () => {
  let folder = '';
  let injector: InjectorProcess | undefined;
  const environment: Record<string, string> = {};

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-admission-'));
    const file = (name: string) => join(folder, name);
    const { service } = only(await render(), 'MutatingWebhookConfiguration').webhooks[0].clientConfig;
    const { authority, pair } = Authority.make({ nowMs: Date.now(), lifetimeMs: HOUR_MS });
    const dnsNames = [`${service.name}.${service.namespace}.svc`];
    const serving = authority.issue({ dnsNames, nowMs: Date.now(), lifetimeMs: HOUR_MS });
    await mkdir(file('certificate'));
    await writeFile(file('certificate/tls.crt'), serving.certificate);
    await writeFile(file('certificate/tls.key'), serving.privateKey, { mode: 0o600 });
    await writeFile(file('authority.pem'), pair.certificate);
    await writeFile(file('webhook.yaml'), stringify(only(await render(), 'MutatingWebhookConfiguration')));
    await writeFile(
      file('injector.yaml'),
      stringify({
        listen: { webhook: '127.0.0.1:0', http: '127.0.0.1:0' },
        sidecar: { image: 'registry.example.com/keyside:0.1.0', nativeSidecars: 'on' },
        certificates: { source: 'files', directory: 'certificate' },
      }),
    );
    injector = startInjector(file('injector.yaml'));
    environment.KEYSIDE_INJECTOR_ADDRESS = `127.0.0.1:${(await addressesOf(injector)).webhookPort}`;
    environment.KEYSIDE_INJECTOR_CA = file('authority.pem');
    environment.KEYSIDE_INJECTOR_WEBHOOK = file('webhook.yaml');
  });
  after(async () => {
    assert.equal(await injector?.stop(), 0);
    await rm(folder, { recursive: true, force: true });
  });

  it('gives every pod what it should', { timeout: COMPILE_MS }, async (t) => {
    const pods = await readdir(join(ROOT, 'test/kubernetes/admission/pods'));
    const { passed, failed, output } = await runGoSuite('admission', environment);
    assert.deepEqual(failed, [], output);
    const tried = passed.filter((name) => name.startsWith('TestPods/'));
    assert.equal(tried.length, pods.length, 'there are pods that no case is for');
    assert.ok(pods.length >= 20);
    t.diagnostic(`${pods.length} pods, ${passed.length} tests`);
  });
});
