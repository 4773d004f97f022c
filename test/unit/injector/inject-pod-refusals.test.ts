import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { decided, injected, podOf } from '../../fakes/pods.ts';

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
    { name: 'that lets the sidecar call itself', pod: podOf({ containers: 'keyside' }), want: /is the sidecar itself/ },
    {
      name: 'whose caller would be anonymous',
      pod: podOf({}, { containers: [{ name: 'anonymous' }] }),
      want: /named anonymous cannot call/,
    },
    {
      name: 'that narrows the token of a container that gets none',
      pod: podOf({ 'tenants.helper': 'acme' }, { containers: [{ name: 'app' }, { name: 'helper' }] }),
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
    const containers = Array.from({ length: 2_000 }, (_, index) => ({ name: `container-${index}` }));
    assert.equal(decided('refused', podOf({ containers: 'web' }, { containers })).message.length, 4_097);
  });

  it('whose sidecar was added for other containers', () => {
    const after = injected(podOf({}, { containers: [{ name: 'app' }, { name: 'other' }] }));
    const annotations = { ...after.metadata?.annotations, 'keyside.dev/containers': 'other' };
    assert.match(decided('refused', { ...after, metadata: { annotations } }).message, /container app mounts keyside-socket/);
  });
});
