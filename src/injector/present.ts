import type { Container, PodSpec, Volume } from 'kubernetes-types/core/v1.d.ts';
import { SIDECAR, VOLUME_PREFIX } from './names.ts';
import { isObject } from './pod-shape.ts';
import { isSameQuantity } from './quantity.ts';

/**
 * What of the sidecar a pod has already: the injector is asked again when another webhook has changed the pod since, and pods are
 * copied with all that was added to them.
 */
export interface Present {
  readonly hasSidecar: boolean;
  readonly missingVolumes: readonly Volume[];
  /** What bears the sidecar's names and is not the sidecar's. */
  readonly faults: readonly string[];
}

/** Compares the pod with what the injector would add to it. */
export function findPresent(spec: PodSpec, sidecar: Container, volumes: readonly Volume[]): Present {
  const isInit = sidecar.restartPolicy === 'Always';
  const [place, elsewhere] = isInit
    ? [spec.initContainers, [...spec.containers, ...(spec.ephemeralContainers ?? [])]]
    : [spec.containers, [...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]];
  const found = place?.filter(({ name }) => name === SIDECAR) ?? [];
  const isForeign = elsewhere.some(({ name }) => name === SIDECAR) || !found.every((each) => isSidecar(each, sidecar));
  const reserved = (spec.volumes ?? []).filter(({ name }) => name.startsWith(VOLUME_PREFIX));
  const isOurs = (volume: Volume): boolean => volumes.some((each) => each.name === volume.name && includes(volume, each));
  return {
    hasSidecar: found.length > 0,
    missingVolumes: volumes.filter(({ name }) => !reserved.some((volume) => volume.name === name)),
    faults: [
      ...(isForeign ? [`the pod has a container named ${SIDECAR} that is not as this injector makes it`] : []),
      ...reserved
        .filter((volume) => !isOurs(volume))
        .map(({ name }) => `the pod has a volume ${name} of its own: names that begin with ${VOLUME_PREFIX} are the sidecar's`),
    ],
  };
}

/**
 * Whether a container does what the sidecar would do, with the same files. Other webhooks may have changed the rest: a registry's
 * mirror the image, a mesh the probes, a quota the resources.
 */
function isSidecar(found: Container, sidecar: Container): boolean {
  const { args, restartPolicy, volumeMounts = [] } = sidecar;
  const hasMounts = volumeMounts.every((mount) => found.volumeMounts?.some((each) => includes(each, mount)));
  return hasMounts && includes({ args: found.args, restartPolicy: found.restartPolicy }, { args, restartPolicy });
}

/** Whether all that is wanted is there. What is beside it may be defaults of the API server's. */
function includes(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && found.length === wanted.length && wanted.every((item, index) => includes(found[index], item));
  }
  if (isObject(wanted)) {
    return isObject(found) && Object.entries(wanted).every(([name, value]) => includes(found[name], value));
  }
  if (typeof wanted === 'string' && typeof found === 'string') return isSameQuantity(found, wanted);
  return (found ?? undefined) === wanted;
}
