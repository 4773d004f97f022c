import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Manifest, manifestsOf, NEW, only, ROOT, render, schemaFaults } from './helm-chart.ts';
import { KUBECTL, whyNoHelm } from './kubernetes-tools.ts';
import { RENDERED, renderFile } from './kustomize-files.ts';

const OVERLAY = join(ROOT, 'deploy/kustomize/overlays/production');
const OF_HELM = ['app.kubernetes.io/managed-by', 'helm.sh/chart'];

const missing = await whyNoHelm();
if (missing !== undefined) console.log(`# ${missing}`);

describe('Kustomize', { skip: missing ?? false }, () => {
  for (const file of RENDERED) {
    const folder = dirname(file.path);
    const title = basename(folder);

    it(`${title}: its file is what the chart renders`, async () => {
      assert.equal(await readFile(file.path, 'utf8'), await renderFile(file), 'run node tools/render-kustomize.ts');
    });

    it(`${title}: builds the objects of the chart and a namespace for them, all valid`, async () => {
      const built = await build(folder);
      const objects = await render(file.release);
      const isOf = (kind: string, manifest: Manifest) => manifest.kind === kind || manifest.metadata.name.endsWith(`-${kind}`);
      const wanted = objects.filter((each) => file.kinds === undefined || file.kinds.some((kind) => isOf(kind, each)));
      assert.ok(wanted.length >= 4);
      assert.deepEqual(byName(built.filter(({ kind }) => kind !== 'Namespace')), byName(wanted.map(withoutHelm)));
      assert.deepEqual(await schemaFaults(NEW, built), []);
    });
  }

  it('the example of an overlay gives injector and sidecars the same image, by digest', async () => {
    const built = await build(OVERLAY);
    assert.deepEqual(await schemaFaults(NEW, built), []);
    const [{ image }] = only(built, 'Deployment').spec.template.spec.containers;
    assert.match(image, /^registry\.example\.com\/keyside@sha256:/);
    assert.ok(only(built, 'ConfigMap').data['injector.yaml'].includes(`image: "${image}"`));
    assert.equal(only(built, 'Deployment').spec.replicas, 3);
    const [{ namespaceSelector }] = only(built, 'MutatingWebhookConfiguration').webhooks;
    assert.deepEqual(Object.keys(namespaceSelector), ['matchExpressions', 'matchLabels']);
  });
});

async function build(folder: string): Promise<readonly Manifest[]> {
  const { stdout } = await promisify(execFile)(KUBECTL, ['kustomize', folder], { maxBuffer: 2 ** 26 });
  return manifestsOf(stdout);
}

/** Without the labels of those that Helm manages, in pods' templates too. */
function withoutHelm(manifest: Manifest): Manifest {
  const labels = (key: string, value: unknown) =>
    key === 'labels' ? Object.fromEntries(Object.entries(value as object).filter(([name]) => !OF_HELM.includes(name))) : value;
  return JSON.parse(JSON.stringify(manifest, labels)) as Manifest;
}

function byName(manifests: readonly Manifest[]): Readonly<Record<string, Manifest>> {
  return Object.fromEntries(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest]));
}
