import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, PodSpec } from 'kubernetes-types/core/v1.d.ts';
import { decided, injected, podOf } from '../../fakes/pods.ts';

const ISTIO = 'traffic.sidecar.istio.io/excludeInboundPorts';
const LINKERD = 'config.linkerd.io/skip-inbound-ports';
const native = (name: string): Container => ({ name, restartPolicy: 'Always' });

/** Where a CNI plugin redirects traffic there is no init container that does. */
const PLUGINS: readonly { readonly mesh: string; readonly annotation: string; readonly spec: Partial<PodSpec> }[] = [
  { mesh: 'Istio, native', annotation: ISTIO, spec: { initContainers: [{ name: 'istio-validation' }, native('istio-proxy')] } },
  { mesh: 'Istio, plain', annotation: ISTIO, spec: { containers: [{ name: 'istio-proxy' }, { name: 'app' }] } },
  { mesh: 'Linkerd, native', annotation: LINKERD, spec: { initContainers: [native('linkerd-proxy')] } },
  { mesh: 'Linkerd, plain', annotation: LINKERD, spec: { containers: [{ name: 'app' }, { name: 'linkerd-proxy' }] } },
];

for (const { mesh, annotation, spec } of PLUGINS) {
  describe(`where the CNI plugin of a mesh redirects traffic before the proxy starts: ${mesh}`, () => {
    const valueAfter = (value?: string) =>
      injected(podOf(value === undefined ? {} : { [annotation]: value }, spec)).metadata?.annotations?.[annotation];

    it('the port of the probes is kept out of it', () => assert.equal(valueAfter(), '7461'));

    for (const [given, want] of [
      ['', '7461'],
      ['15000', '15000,7461'],
      ['15020, 9090 ', '15020, 9090,7461'],
      ['15020,', '15020,7461'],
      ['74610', '74610,7461'],
      ['7000-7460,7462-8000', '7000-7460,7462-8000,7461'],
    ] as const) {
      it(`beside those that are there: ${JSON.stringify(given)}`, () => assert.equal(valueAfter(given), want));
    }

    for (const given of ['7461', '15000, 7461', '*', '7000-8000', '80, 7461 - 7461']) {
      it(`and what covers it stays as it is: ${JSON.stringify(given)}`, () => assert.equal(valueAfter(given), given));
    }

    it('once', () => assert.deepEqual(decided('patch', injected(podOf({ [annotation]: '80' }, spec))).operations, []));

    it('without a warning', () => assert.deepEqual(decided('patch', podOf({}, spec)).warnings, []));

    it('also where the mesh comes after the sidecar', () => {
      const before = injected(podOf());
      const { initContainers = [], containers = before.spec?.containers } = spec;
      const app = before.spec?.containers[0] as Container;
      const merged = {
        ...before.spec,
        initContainers: [...(before.spec?.initContainers ?? []), ...initContainers],
        containers: containers?.map((each) => (each.name === 'app' ? app : each)),
      };
      const path = `/metadata/annotations/${annotation.replace('/', '~1')}`;
      assert.deepEqual(decided('patch', { ...before, spec: merged }).operations, [{ op: 'add', path, value: '7461' }]);
    });
  });
}

describe('where an init container of the mesh redirects traffic', () => {
  const istio: Partial<PodSpec> = { initContainers: [{ name: 'istio-init' }, native('istio-proxy')] };

  it('the sidecar starts before it, and the annotation, which it has read already, is not touched', () => {
    const after = injected(podOf({}, istio));
    assert.deepEqual(
      after.spec?.initContainers?.map(({ name }) => name),
      ['keyside', 'istio-init', 'istio-proxy'],
    );
    assert.equal(after.metadata?.annotations?.[ISTIO], undefined);
    const linkerd = injected(podOf({}, { initContainers: [{ name: 'linkerd-init' }, native('linkerd-proxy')] }));
    assert.equal(linkerd.metadata?.annotations?.[LINKERD], undefined);
  });

  it('the pod is told that probes go through the proxy of Istio', () => {
    const [warning] = decided('patch', podOf({}, istio)).warnings;
    assert.match(warning ?? '', /excludeInboundPorts: "7461"$/);
    for (const ports of ['7461', '15000, 7461', '*']) {
      assert.deepEqual(decided('patch', podOf({ [ISTIO]: ports }, istio)).warnings, []);
    }
  });
});

it('a pod without a mesh gets no annotation of one', () => {
  const annotations = Object.keys(injected(podOf()).metadata?.annotations ?? {});
  assert.ok(annotations.every((name) => name.startsWith('keyside.dev/')));
});
