import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Container } from 'kubernetes-types/core/v1.d.ts';
import { parseAllDocuments } from 'yaml';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { parseTenantsFile } from '../../../src/config/tenants-file.ts';
import { containerOf, decided, injected, SETTINGS } from '../../fakes/pods.ts';

interface ConfigMap {
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Record<string, string> };
      readonly spec: { containers: Container[] };
    };
  };
}

const page = readFileSync('docs/kubernetes.md', 'utf8');
const [example = ''] = /(?<=```yaml\n)[^`]+/.exec(page) ?? [];
const [config, tenants, deployment] = parseAllDocuments(example).map((each) => each.toJS()) as [ConfigMap, ConfigMap, Deployment];

describe('the example of the documentation', () => {
  const { template } = deployment.spec;

  it('has configurations that the daemon takes', () => {
    const daemon = parseDaemonConfig(config.data['keyside.yaml'] ?? '', '/etc/keyside/keyside.yaml');
    assert.deepEqual([daemon.tenantsPath, daemon.audit.sinks.length], ['/etc/keyside-tenants', 1]);
    const parsed = parseTenantsFile(tenants.data['acme.yaml'] ?? '', '/etc/keyside-tenants/acme.yaml');
    assert.deepEqual('faults' in parsed ? parsed.faults : [], []);
  });

  it('is a pod that gets the sidecar, without a warning, in every kind of cluster', () => {
    for (const nativeSidecars of [true, false]) {
      const injection = decided('patch', template, { ...SETTINGS, nativeSidecars });
      assert.deepEqual([injection.warnings, injection.callers], [[], ['app']]);
    }
  });

  it('names files that lie where the sidecar has them', () => {
    const mounts = (containerOf(injected(template), 'keyside').volumeMounts ?? []).map(({ mountPath }) => mountPath);
    const paths = [...example.matchAll(/(?:File|tenants): (\/\S+)/g)].map(([, path]) => path as string);
    assert.equal(paths.length, 3);
    for (const path of paths)
      assert.ok(
        mounts.some((mount) => path === mount || path.startsWith(`${mount}/`)),
        path,
      );
    assert.equal(template.metadata.annotations['keyside.dev/tenants-config'], tenants.metadata.name);
    assert.equal(config.metadata.name, 'keyside');
  });

  it('stands beside tables that name what it gets', () => {
    const sidecar = containerOf(injected(template), 'keyside');
    for (const { name } of injected(template).spec?.volumes ?? []) assert.ok(page.includes(`\`${name}\``), name);
    assert.equal(sidecar.securityContext?.runAsUser, 65_532);
    for (const words of ['/run/keyside', '/run/keyside-token', 'KEYSIDE_ADDRESS', 'KEYSIDE_TOKEN_FILE', 'fsGroup: 65532']) {
      assert.ok(page.includes(words), words);
    }
  });
});
