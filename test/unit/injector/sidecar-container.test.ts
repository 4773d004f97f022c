import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodSpec } from 'kubernetes-types/core/v1.d.ts';
import type { InjectionSettings } from '../../../src/injector/settings.ts';
import { containerOf, injected, podOf, SETTINGS, type ShortAnnotations } from '../../fakes/pods.ts';

function sidecar(annotations: ShortAnnotations = {}, spec: Partial<PodSpec> = {}, settings: Partial<InjectionSettings> = {}) {
  return containerOf(injected(podOf(annotations, spec), { ...SETTINGS, ...settings }), 'keyside');
}

/** What follows an option of the command line. */
function option(args: readonly string[] | undefined, name: string): string | undefined {
  return args?.[args.indexOf(name) + 1];
}

describe('the sidecar', () => {
  it('is told on its command line where everything is', () => {
    assert.deepEqual(sidecar({ operations: 'encrypt' }).args, [
      'sidecar',
      '--config',
      '/etc/keyside/keyside.yaml',
      '--tcp',
      'off',
      '--unix',
      '/run/keyside/keyside.sock',
      '--http',
      '0.0.0.0:7461',
      '--audit-dir',
      '/var/lib/keyside/audit',
      '--audit-max-bytes',
      '1610612736',
      '--mint-caller',
      '{"id":"app","tokenFile":"/run/keyside-tokens/app/token","tenants":["*"],"operations":["encrypt"]}',
    ]);
  });

  it('fulfils the "restricted" Pod Security Standard', () => {
    assert.deepEqual(sidecar().securityContext, {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it('is probed over HTTP, and started first', () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = sidecar();
    assert.deepEqual(startupProbe, {
      httpGet: { path: '/readyz', port: 7461 },
      periodSeconds: 1,
      failureThreshold: 60,
      timeoutSeconds: 2,
    });
    assert.deepEqual([livenessProbe?.httpGet?.path, readinessProbe?.httpGet?.path], ['/livez', '/readyz']);
    assert.deepEqual(ports, [{ name: 'keyside-http', containerPort: 7461, protocol: 'TCP' }]);
  });

  it('listens for probes where the settings say', () => {
    assert.equal(option(sidecar({}, {}, { httpHost: '[::]' }).args, '--http'), '[::]:7461');
  });

  it('has image and policy of the settings', () => {
    const { image, imagePullPolicy } = sidecar({}, {}, { image: 'mirror.example/keyside:2', imagePullPolicy: 'Always' });
    assert.deepEqual([image, imagePullPolicy], ['mirror.example/keyside:2', 'Always']);
  });

  it('writes where it must and nowhere else', () => {
    const mounts = sidecar({ 'tenants-config': 't', secret: 's', 'token-audiences': 'aws' }).volumeMounts ?? [];
    assert.deepEqual(
      mounts.map(({ name, mountPath, readOnly }) => [name, mountPath, readOnly === true ? 'read' : 'write']),
      [
        ['keyside-socket', '/run/keyside', 'write'],
        ['keyside-token-0', '/run/keyside-tokens/app', 'write'],
        ['keyside-audit', '/var/lib/keyside', 'write'],
        ['keyside-config', '/etc/keyside', 'read'],
        ['keyside-tenants-config', '/etc/keyside-tenants', 'read'],
        ['keyside-secret', '/etc/keyside-secrets', 'read'],
        ['keyside-identity', '/var/run/secrets/keyside', 'read'],
      ],
    );
  });

  it('alone has what only it needs', () => {
    const after = injected(podOf({ 'tenants-config': 't', secret: 's', 'token-audiences': 'aws,gcp=//iam.example/pool' }));
    assert.deepEqual(after.spec?.volumes?.slice(3), [
      { name: 'keyside-config', configMap: { name: 'keyside' } },
      { name: 'keyside-tenants-config', configMap: { name: 't' } },
      { name: 'keyside-secret', secret: { secretName: 's', defaultMode: 0o400 } },
      {
        name: 'keyside-identity',
        projected: {
          sources: [
            { serviceAccountToken: { audience: 'sts.amazonaws.com', expirationSeconds: 3600, path: 'aws/token' } },
            { serviceAccountToken: { audience: '//iam.example/pool', expirationSeconds: 3600, path: 'gcp/token' } },
          ],
        },
      },
    ]);
    assert.deepEqual(
      after.spec?.containers[0]?.volumeMounts?.map(({ name }) => name),
      ['keyside-socket', 'keyside-token-0'],
    );
  });

  it('has nothing in its arguments that Kubernetes would replace by a variable', () => {
    const args = sidecar({ tenants: 'a,b@c:d', 'token-audiences': 'x=$(HOME)' }).args ?? [];
    assert.ok(args.every((text) => !text.includes('$(')));
  });
});

describe('its resources', () => {
  it('are those of the settings, or of the annotations', () => {
    assert.deepEqual(sidecar().resources, { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } });
    assert.deepEqual(sidecar({ 'cpu-limit': '1', 'memory-limit': '1Gi' }).resources, {
      requests: { cpu: '100m', memory: '128Mi' },
      limits: { cpu: '1', memory: '1Gi' },
    });
  });

  it('leave a quarter of the volume to the file system', () => {
    for (const [size, bytes] of [
      ['128Mi', '100663296'],
      ['1G', '750000000'],
      ['2.5Gi', '2013265920'],
    ] as const) {
      const after = injected(podOf({ 'audit-size': size }));
      assert.equal(option(containerOf(after, 'keyside').args, '--audit-max-bytes'), bytes);
      assert.equal(after.spec?.volumes?.find(({ name }) => name === 'keyside-audit')?.emptyDir?.sizeLimit, size);
    }
  });

  it('bring their share of disk where the pod has a limit of it, and set none where it has none', () => {
    const limited = { name: 'app', resources: { limits: { 'ephemeral-storage': '1Gi' } } };
    const bytes = String(2 * 2 ** 30 + 256 * 2 ** 20);
    assert.equal(sidecar({}, { containers: [limited] }).resources?.limits?.['ephemeral-storage'], bytes);
    assert.equal(sidecar({}, { initContainers: [{ ...limited, name: 'init' }] }).resources?.limits?.['ephemeral-storage'], bytes);
    // A limit alone would be a request of as much.
    assert.equal(sidecar({}, { containers: [limited] }).resources?.requests?.['ephemeral-storage'], '64Mi');
    assert.equal(sidecar().resources?.limits?.['ephemeral-storage'], undefined);
    assert.equal(sidecar().resources?.requests?.['ephemeral-storage'], undefined);
  });
});
