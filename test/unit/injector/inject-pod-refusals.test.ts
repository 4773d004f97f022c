import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Pod, SecurityContext } from 'kubernetes-types/core/v1.d.ts';
import { containerOf, decided, injected, PLAIN_SETTINGS, podOf } from '../../fakes/pods.ts';

describe('a pod is refused', () => {
  const mount = (name: string, mountPath: string) => ({ name, mountPath });
  const cases: readonly { name: string; pod: Pod; want: RegExp }[] = [
    { name: 'without containers', pod: podOf({}, { containers: [] }), want: /the pod has no containers/ },
    { name: 'with hostNetwork', pod: podOf({}, { hostNetwork: true }), want: /has hostNetwork/ },
    {
      name: 'whose container has the port of the probes',
      pod: podOf({}, { containers: [{ name: 'app', ports: [{ containerPort: 7461 }] }] }),
      want: /container app has port 7461/,
    },
    {
      name: 'that names a container it has not',
      pod: podOf({ containers: 'web,app' }, { initContainers: [{ name: 'init' }] }),
      want: /keyside.dev\/containers: "web" is no container of the pod: it has init, app/,
    },
    {
      name: 'whose default container it has not',
      pod: podOf({ 'kubectl.kubernetes.io/default-container': 'web' }),
      want: /kubectl.kubernetes.io\/default-container: "web" is no container/,
    },
    {
      name: 'that has none but proxies',
      pod: podOf({}, { containers: [{ name: 'istio-proxy' }] }),
      want: /no container that could call/,
    },
    {
      name: 'that leaves open which of its containers may call',
      pod: podOf({}, { containers: [{ name: 'gke-gcsfuse-sidecar' }, { name: 'app' }] }),
      want: /keyside.dev\/containers must say which containers may call: the pod has gke-gcsfuse-sidecar, app/,
    },
    { name: 'that lets the sidecar call itself', pod: podOf({ containers: 'keyside' }), want: /is the sidecar itself/ },
    {
      name: 'whose caller would be anonymous',
      pod: podOf({}, { containers: [{ name: 'anonymous' }] }),
      want: /named anonymous cannot call/,
    },
    {
      name: 'that narrows the token of a container that gets none',
      pod: podOf({ containers: 'app', 'tenants.helper': 'acme' }, { containers: [{ name: 'app' }, { name: 'helper' }] }),
      want: /keyside.dev\/tenants.helper is of a container that may not call/,
    },
    {
      name: 'with a container of its own by the name of the sidecar',
      pod: podOf({}, { containers: [{ name: 'app' }, { name: 'keyside' }] }),
      want: /a container named keyside that is not as this injector makes it/,
    },
    {
      name: 'with an init container of its own by the name of the sidecar',
      pod: podOf({}, { initContainers: [{ name: 'keyside', restartPolicy: 'Always' }] }),
      want: /a container named keyside/,
    },
    {
      name: 'with a debug container by the name of the sidecar',
      pod: podOf({}, { ephemeralContainers: [{ name: 'keyside' }] }),
      want: /a container named keyside/,
    },
    {
      name: 'with a volume by a name of the sidecar',
      pod: podOf({}, { volumes: [{ name: 'keyside-socket', hostPath: { path: '/' } }] }),
      want: /a volume keyside-socket of its own/,
    },
    {
      name: 'with a volume by a name that the sidecar might come to have',
      pod: podOf({}, { volumes: [{ name: 'keyside-data', emptyDir: {} }] }),
      want: /a volume keyside-data of its own/,
    },
    {
      name: 'that mounts the trail in a container of its own',
      pod: podOf({}, { containers: [{ name: 'app', volumeMounts: [mount('keyside-audit', '/x')] }] }),
      want: /container app mounts keyside-audit/,
    },
    {
      name: "that mounts another container's token",
      pod: podOf({}, { containers: [{ name: 'app' }, { name: 'spy', volumeMounts: [mount('keyside-token-0', '/x')] }] }),
      want: /container spy mounts keyside-token-0/,
    },
    {
      name: 'that mounts the socket in a debug container',
      pod: podOf({}, { ephemeralContainers: [{ name: 'debug', volumeMounts: [mount('keyside-socket', '/x')] }] }),
      want: /container debug mounts keyside-socket/,
    },
    {
      name: 'that mounts its socket so that it can be written to',
      pod: podOf({}, { containers: [{ name: 'app', volumeMounts: [mount('keyside-socket', '/run/keyside')] }] }),
      want: /container app mounts keyside-socket/,
    },
    {
      name: "with another volume where the sidecar's must be",
      pod: podOf(
        {},
        { containers: [{ name: 'app', volumeMounts: [mount('data', '/run//keyside/')] }], volumes: [{ name: 'data' }] },
      ),
      want: /container app has the volume data at \/run\/\/keyside\/, where/,
    },
    { name: 'with an annotation that nobody knows', pod: podOf({ replicas: '3' }), want: /keyside.dev\/replicas is not known/ },
    {
      name: 'with nonsense for a quantity',
      pod: podOf({ 'audit-size': 'lots' }),
      want: /keyside.dev\/audit-size must be a quantity/,
    },
    { name: 'with less than nothing for a quantity', pod: podOf({ 'audit-size': '-1Gi' }), want: /not "-1Gi"/ },
  ];
  for (const { name, pod, want } of cases) {
    it(name, () => assert.match(decided('refused', pod).message, want));
  }

  it('for all of it at once', () => {
    const pod = podOf({ containers: 'web' }, { hostNetwork: true, volumes: [{ name: 'keyside-x' }] });
    const { message } = decided('refused', pod);
    assert.match(message, /^keyside cannot be added: .*hostNetwork.*; .*"web".*; .*keyside-x/);
  });

  it('in at most 4,097 characters', () => {
    const names = Array.from({ length: 100 }, (_, index) => `container-${index}`);
    assert.equal(decided('refused', podOf({ containers: names.join(',') })).message.length, 4_097);
  });

  it('with ten names of its containers, however many it has and whoever is asked for', () => {
    const containers = Array.from({ length: 12 }, (_, index) => ({ name: `c${index}` }));
    const want = 'it has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more';
    assert.ok(decided('refused', podOf({ containers: 'web' }, { containers })).message.endsWith(want));
  });

  it('whose sidecar was added for other containers', () => {
    const after = injected(podOf({ containers: 'app' }, { containers: [{ name: 'app' }, { name: 'other' }] }));
    const annotations = { ...after.metadata?.annotations, 'keyside.dev/containers': 'other' };
    assert.match(decided('refused', { ...after, metadata: { annotations } }).message, /container app mounts keyside-socket/);
  });
});

describe('a pod that has a sidecar already is refused where it is not as the injector makes it', () => {
  const after = injected(podOf());
  const ours = containerOf(after, 'keyside');
  const exec = { exec: { command: ['/nodejs/bin/node', '--eval', 'x'] } };
  const security = (rights: SecurityContext) => ({ securityContext: { ...ours.securityContext, ...rights } });
  const cases: readonly { name: string; change: Partial<Container>; differs: string }[] = [
    { name: 'another program', change: { command: ['/bin/sh', '-c', 'sleep 1d'] }, differs: 'command' },
    { name: 'other arguments', change: { args: ['sidecar'] }, differs: 'args' },
    { name: 'no security context', change: { securityContext: {} }, differs: 'securityContext' },
    { name: 'privileges', change: security({ privileged: true }), differs: 'securityContext' },
    { name: 'the user root', change: security({ runAsUser: 0 }), differs: 'securityContext' },
    {
      name: 'capabilities',
      change: security({ capabilities: { drop: ['ALL'], add: ['SYS_PTRACE'] } }),
      differs: 'securityContext',
    },
    { name: 'ways to more privileges', change: security({ allowPrivilegeEscalation: true }), differs: 'securityContext' },
    { name: 'code for Node to load', change: { env: [{ name: 'NODE_OPTIONS', value: '--require /x.js' }] }, differs: 'env' },
    { name: 'code for the loader to load', change: { env: [{ name: 'LD_PRELOAD', value: '/x.so' }] }, differs: 'env' },
    { name: 'variables that nobody knows', change: { envFrom: [{ configMapRef: { name: 'x' } }] }, differs: 'env' },
    { name: 'a command at its start', change: { lifecycle: { postStart: exec } }, differs: 'lifecycle' },
    { name: 'a command at its end', change: { lifecycle: { preStop: exec } }, differs: 'lifecycle' },
    { name: 'a command for a probe', change: { livenessProbe: exec }, differs: 'a probe' },
    { name: 'no place for its tokens', change: { volumeMounts: [] }, differs: 'volumeMounts' },
  ];
  for (const { name, change, differs } of cases) {
    it(`with ${name}`, () => {
      const initContainers = [{ ...ours, ...change }];
      const { message } = decided('refused', { ...after, spec: { ...after.spec, initContainers } });
      assert.equal(
        message,
        `keyside cannot be added: the pod has a container named keyside that is not as this injector makes it: ${differs} differs`,
      );
    });
  }

  it('with a command at its start, where it is a plain container', () => {
    const plain = injected(podOf(), PLAIN_SETTINGS);
    const sidecar = containerOf(plain, 'keyside');
    const changed = { ...sidecar, lifecycle: { ...sidecar.lifecycle, postStart: exec } };
    const containers = [...(plain.spec?.containers ?? []).slice(0, -1), changed];
    assert.match(
      decided('refused', { ...plain, spec: { ...plain.spec, containers } }, PLAIN_SETTINGS).message,
      /lifecycle differs$/,
    );
  });
});
