import type { Container, PodSpec, SecurityContext, Volume } from 'kubernetes-types/core/v1.d.ts';
import { SIDECAR, VOLUME_PREFIX } from './names.ts';
import { isObject } from './pod-shape.ts';
import { isSameQuantity } from './quantity.ts';

/** By which Node, or the loader before it, runs code that is not the program's. */
const LOADING_VARIABLES: readonly string[] = ['NODE_OPTIONS', 'LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH'];

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
  const strange = found.map((each) => strangeness(each, sidecar)).find((each) => each !== undefined);
  const foreign = elsewhere.some(({ name }) => name === SIDECAR) ? 'its place' : strange;
  const reserved = (spec.volumes ?? []).filter(({ name }) => name.startsWith(VOLUME_PREFIX));
  const isOurs = (volume: Volume): boolean => volumes.some((each) => each.name === volume.name && includes(volume, each));
  return {
    hasSidecar: found.length > 0,
    missingVolumes: volumes.filter(({ name }) => !reserved.some((volume) => volume.name === name)),
    faults: [
      ...(foreign === undefined
        ? []
        : [`the pod has a container named ${SIDECAR} that is not as this injector makes it: ${foreign} differs`]),
      ...reserved
        .filter((volume) => !isOurs(volume))
        .map(({ name }) => `the pod has a volume ${name} of its own: names that begin with ${VOLUME_PREFIX} are the sidecar's`),
    ],
  };
}

/**
 * What of a container is not the sidecar's: it must run the same program, with the same files and no more rights, and nothing that makes
 * another program of it. Other webhooks may have changed the rest: a registry's mirror the image, a mesh the probes, a quota the resources.
 */
function strangeness(found: Container, sidecar: Container): string | undefined {
  const { args, restartPolicy, lifecycle, volumeMounts = [], securityContext } = sidecar;
  const rights = found.securityContext ?? {};
  const checks: readonly (readonly [member: string, isOurs: boolean])[] = [
    ['args', includes(found.args, args)],
    ['restartPolicy', includes(found.restartPolicy, restartPolicy)],
    ['command', (found.command ?? []).length === 0],
    ['lifecycle', includes(found.lifecycle, lifecycle) && !found.lifecycle?.postStart],
    ['volumeMounts', volumeMounts.every((mount) => found.volumeMounts?.some((each) => includes(each, mount)))],
    ['securityContext', includes(rights, securityContext) && !isPrivileged(rights)],
    ['env', (found.env ?? []).every(({ name }) => !LOADING_VARIABLES.includes(name)) && (found.envFrom ?? []).length === 0],
    ['a probe', [found.startupProbe, found.livenessProbe, found.readinessProbe].every((each) => !each?.exec)],
  ];
  return checks.find(([, isOurs]) => !isOurs)?.[0];
}

function isPrivileged({ privileged, capabilities }: SecurityContext): boolean {
  return privileged === true || (capabilities?.add ?? []).length > 0;
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
