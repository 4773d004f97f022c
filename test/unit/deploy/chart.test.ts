import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ANNOTATIONS } from '../../../src/injector/annotations.ts';
import { parseInjectorConfig } from '../../../src/injector/config.ts';
import { SIDECAR, tokenVolume, VOLUME_PREFIX, VOLUMES } from '../../../src/injector/names.ts';
import { DEFAULT_SETTINGS } from '../../../src/injector/settings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** As `node tools/render-kustomize.ts` made them of the chart; test/counterparts/kustomize.test.ts holds them against it. */
const RENDERED = textOf('deploy/kustomize/base/keyside.yaml');
const MONITORING = textOf('deploy/kustomize/monitoring/monitoring.yaml');
const objects = parseAllDocuments(RENDERED).map((document) => document.toJS());
const only = (kind: string) => objects.filter((object) => object?.kind === kind)[0];

describe('the chart and the injector', () => {
  it('have the same version as the package', () => {
    const { version } = JSON.parse(textOf('package.json')) as { version: string };
    const chart = parse(textOf('deploy/helm/keyside/Chart.yaml')) as { version: string; appVersion: string };
    assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  });

  it('agree on the annotation, in the webhook and in the policy', () => {
    const asks = `'${ANNOTATIONS.inject.name}' in object.metadata.annotations`;
    assert.ok(only('MutatingWebhookConfiguration').webhooks[0].matchConditions[0].expression.includes(asks));
    assert.ok(only('ValidatingAdmissionPolicy').spec.variables[0].expression.includes(asks));
  });

  it('agree on the names of container and volumes', () => {
    const policy = JSON.stringify(only('ValidatingAdmissionPolicy').spec);
    const quoted = (start: string) =>
      [...new Set([...policy.matchAll(/'([\w-]+)'/g)].map(([, name = '']) => name))].filter((name) => name.startsWith(start));
    const tokens = tokenVolume(0).slice(0, -1);
    assert.deepEqual(quoted('keyside').sort(), [SIDECAR, VOLUME_PREFIX, tokens, ...Object.values(VOLUMES)].sort());
  });

  it('agree on the port of the sidecar that is scraped', () => {
    const source = textOf('src/injector/sidecar-container.ts');
    const [, port] = /podMetricsEndpoints:\n +- port: (\S+)/.exec(MONITORING) ?? [];
    assert.ok(port !== undefined && source.includes(`name: '${port}'`), port);
  });

  it('agree on what pods get where nobody says otherwise', () => {
    const { sidecar, certificates } = parseInjectorConfig(only('ConfigMap').data['injector.yaml'], '/etc/injector.yaml');
    const { nativeSidecars: _, ...defaults } = DEFAULT_SETTINGS;
    const { image: __, nativeSidecars, ...rendered } = sidecar;
    assert.deepEqual({ ...rendered, resources: { cpuLimit: undefined, ...rendered.resources } }, defaults);
    assert.deepEqual([nativeSidecars, certificates.source], ['auto', 'self-made']);
  });
});
