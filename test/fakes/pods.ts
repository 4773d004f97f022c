import assert from 'node:assert/strict';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.d.ts';
import { type Injection, injectPod } from '../../src/injector/inject-pod.ts';
import { DEFAULT_SETTINGS, type InjectionSettings } from '../../src/injector/settings.ts';
import { applyJsonPatch } from './apply-json-patch.ts';

export const SETTINGS: InjectionSettings = {
  ...DEFAULT_SETTINGS,
  version: '1.2.3',
  image: 'registry.example/keyside@sha256:0000000000000000000000000000000000000000000000000000000000000000',
};

/** Of a cluster before Kubernetes 1.29. */
export const PLAIN_SETTINGS: InjectionSettings = { ...SETTINGS, nativeSidecars: false };

/** Annotations by the part of their name after the prefix, and others whole. */
export type ShortAnnotations = Readonly<Record<string, string>>;

/** A pod that asks for the sidecar, as a Deployment makes them: it has no name yet, and time enough to end. */
export function podOf(annotations: ShortAnnotations = {}, spec: Partial<PodSpec> = {}): Pod {
  const named = Object.entries({ inject: 'true', ...annotations }).map(([name, value]) => [
    name.includes('/') ? name : `keyside.dev/${name}`,
    value,
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'shop-7d4b9c-', annotations: Object.fromEntries(named) },
    spec: { containers: [{ name: 'app', image: 'shop:1' }], terminationGracePeriodSeconds: 60, ...spec },
  };
}

/** Those of a kind of decision; any other fails the test. */
export function decided<Kind extends Injection['kind']>(
  kind: Kind,
  pod: unknown,
  settings: InjectionSettings = SETTINGS,
): Extract<Injection, { kind: Kind }> {
  const injection = injectPod(pod, settings);
  assert.equal(injection.kind, kind, injection.kind === 'refused' ? injection.message : undefined);
  return injection as Extract<Injection, { kind: Kind }>;
}

/** The pod with its sidecar. */
export function injected(pod: Pod, settings: InjectionSettings = SETTINGS): Pod {
  return applyJsonPatch(pod, decided('patch', pod, settings).operations) as Pod;
}

/** A container of a pod, of any kind. */
export function containerOf(pod: Pod, name: string): Container {
  const found = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((each) => each.name === name);
  assert.ok(found, `the pod has no container ${name}`);
  return found;
}

/** Names of the sidecar's volumes that a container mounts. */
export function sidecarVolumesOf(container: Pick<Container, 'volumeMounts'>): string[] {
  return (container.volumeMounts ?? []).map(({ name }) => name).filter((name) => name.startsWith('keyside-'));
}
