import { meshWarnings } from './mesh-ports.ts';
import { HTTP_PORT, SIDECAR } from './names.ts';
import type { CheckedPod } from './pod-shape.ts';
import type { InjectionSettings } from './settings.ts';

const DEFAULT_GRACE_SECONDS = 30;
/** What the daemon may take to end: twice its `drain.timeout` by default, for running calls and then for the records that sinks lack. */
const LAST_SECONDS = 40;
const MIRROR = 'kubernetes.io/config.mirror';
const OS_LABEL = 'kubernetes.io/os';

/** Why a pod gets no sidecar though it asks; undefined where it can have one. */
export interface Exception {
  readonly reason: string;
  /** Whether the pod may be written to, to say so. */
  readonly isWritable: boolean;
}

/** Pods that no sidecar can be added to, through no fault of theirs. */
export function exceptionOf({ metadata, spec }: CheckedPod): Exception | undefined {
  if (metadata.annotations?.[MIRROR] !== undefined) return { reason: 'a static pod of a node', isWritable: false };
  const isWindows = spec.os?.name === 'windows' || spec.nodeSelector?.[OS_LABEL] === 'windows';
  return isWindows ? { reason: 'a pod for Windows', isWritable: true } : undefined;
}

/** What makes a sidecar impossible or useless, in words that say what to do. */
export function podFaults(pod: CheckedPod, { nativeSidecars }: InjectionSettings): string[] {
  const { metadata, spec } = pod;
  const faults: string[] = [];
  if (spec.containers.length === 0) faults.push('the pod has no containers');
  if (spec.hostNetwork === true) {
    faults.push(`the pod has hostNetwork: the sidecar's port ${HTTP_PORT} would be the node's, and there can be one of those`);
  }
  const port = containersBeside(pod).find(({ ports }) => ports?.some(({ containerPort }) => containerPort === HTTP_PORT));
  if (port !== undefined)
    faults.push(`container ${port.name} has port ${HTTP_PORT}, which the sidecar needs for probes and metrics`);
  const isJob =
    metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true || (spec.restartPolicy ?? 'Always') !== 'Always';
  if (isJob && !nativeSidecars) {
    faults.push(
      'the pod is to end by itself, and in this cluster the sidecar would keep it: that needs Kubernetes 1.29 or newer',
    );
  }
  return faults;
}

/** What works, but weakens the sidecar or surprises. */
export function podWarnings(pod: CheckedPod, settings: InjectionSettings): string[] {
  const { spec } = pod;
  const warnings: string[] = [];
  if (spec.shareProcessNamespace === true) {
    warnings.push(
      'shareProcessNamespace: other containers can reach the files and the memory of the sidecar, data keys included',
    );
  }
  if (spec.hostPID === true)
    warnings.push("hostPID: the pod's containers see the processes of the node, other pods' sidecars too");
  return [...warnings, ...graceWarnings(pod, settings), ...meshWarnings(pod)];
}

/** Records that no sink has when the time is over are lost with the pod, and nothing says so. */
function graceWarnings({ spec }: CheckedPod, { nativeSidecars, plainDrainSeconds }: InjectionSettings): string[] {
  const grace = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const enough = nativeSidecars ? LAST_SECONDS + 1 : plainDrainSeconds + LAST_SECONDS;
  if (grace >= enough) return [];
  return [
    `terminationGracePeriodSeconds is ${grace}: with less than ${enough}, audit records that sinks do not have yet may be lost when the pod ends`,
  ];
}

function containersBeside({ spec }: CheckedPod): CheckedPod['spec']['containers'] {
  return [...(spec.initContainers ?? []), ...spec.containers].filter(({ name }) => name !== SIDECAR);
}
