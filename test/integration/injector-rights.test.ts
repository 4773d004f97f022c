import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import { FakeApiServer } from '../fakes/fake-api-server.ts';
import { temporaryDirectory } from './daemon-process.ts';
import { addressesOf, startInjector } from './injector-process.ts';

/** What the chart renders with its defaults (test/counterparts/kustomize.test.ts). */
const MANIFESTS = join(import.meta.dirname, '../../deploy/kustomize/base/keyside.yaml');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly data?: Readonly<Record<string, string>>;
}

const VERBS: Readonly<Record<string, string>> = { GET: 'get', PUT: 'update', PATCH: 'patch', POST: 'create' };
const PATHS: Readonly<Record<string, (manifest: Manifest) => string>> = {
  Secret: ({ metadata }) => `/api/v1/namespaces/${metadata.namespace}/secrets/${metadata.name}`,
  Lease: ({ metadata }) => `/apis/coordination.k8s.io/v1/namespaces/${metadata.namespace}/leases/${metadata.name}`,
  MutatingWebhookConfiguration: ({ metadata }) =>
    `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${metadata.name}`,
};

const manifests = parseAllDocuments(readFileSync(MANIFESTS, 'utf8')).flatMap((document) => (document.toJS() ?? []) as Manifest);

/** Every `verb path` that the chart's roles allow. */
function rights(): Set<string> {
  const allowed = manifests.flatMap(({ rules = [], metadata: { namespace } }) =>
    rules.flatMap(({ apiGroups: [group = ''], resources, resourceNames, verbs }) => {
      const version = group === '' ? '/api/v1' : `/apis/${group}/v1`;
      const place = namespace === undefined ? version : `${version}/namespaces/${namespace}`;
      return verbs.flatMap((verb) =>
        resources.flatMap((kind) => resourceNames.map((name) => `${verb} ${place}/${kind}/${name}`)),
      );
    }),
  );
  return new Set(allowed);
}

describe("the injector with the chart's objects and the chart's rights", () => {
  it('makes its certificate, publishes it and leads; it has no right that it does not use, and lacks none', async (t) => {
    const directory = temporaryDirectory(t);
    const api = new FakeApiServer(directory);
    for (const manifest of manifests) {
      const path = PATHS[manifest.kind]?.(manifest);
      if (path !== undefined) api.objects.put(path, { ...manifest });
    }
    const allowed = rights();
    const used = new Set<string>();
    api.forbids = ({ method, path }) => {
      if (path === '/version') return false;
      used.add(`${VERBS[method]} ${path}`);
      return !allowed.has(`${VERBS[method]} ${path}`);
    };
    await api.start();
    t.after(() => api.stop());
    const injector = startInjector(writeConfig(directory, api), api);
    t.after(() => injector.stop());
    await addressesOf(injector);
    assert.equal(await injector.stop(), 0);
    assert.deepEqual([...used].sort(), [...allowed].sort());
    assert.equal(allowed.size, 6);
    const [webhook] = manifests.filter(({ kind }) => kind === 'MutatingWebhookConfiguration');
    const { webhooks } = api.objects.peek(PATHS.MutatingWebhookConfiguration?.(webhook as Manifest) ?? '') as {
      webhooks: { clientConfig: { caBundle?: string } }[];
    };
    assert.match(Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString(), /^-----BEGIN CERTIFICATE-----/);
  });
});

/** The chart's injector.yaml, with addresses and files of this machine. */
function writeConfig(directory: string, { tokenFile, caFile }: FakeApiServer): string {
  const text = manifests.find(({ kind, data }) => kind === 'ConfigMap' && data?.['injector.yaml'])?.data?.['injector.yaml'] ?? '';
  const [config] = parseAllDocuments(text).map((document) => document.toJS() as object);
  const listen = { webhook: '127.0.0.1:0', http: '127.0.0.1:0' };
  const file = join(directory, 'injector.yaml');
  writeFileSync(file, stringify({ ...config, listen, apiServer: { tokenFile, caFile } }));
  return file;
}
