import { ANNOTATIONS } from './annotations.ts';
import { callerEdits, chooseCallers } from './caller-containers.ts';
import { type AddOperation, append, pointer, prepend, setMember } from './json-patch.ts';
import { meshAnnotations } from './mesh-ports.ts';
import { exceptionOf, podFaults, podWarnings } from './pod-limits.ts';
import { type CheckedPod, readPod } from './pod-shape.ts';
import { findPresent } from './present.ts';
import { type InjectionRequest, readRequest } from './request.ts';
import type { InjectionSettings } from './settings.ts';
import { sidecarContainer } from './sidecar-container.ts';
import { sidecarVolumes } from './sidecar-volumes.ts';

/** What becomes of a pod. */
export type Injection =
  | {
      readonly kind: 'patch';
      /** RFC 6902; none where the pod is as it should be already. */
      readonly operations: readonly AddOperation[];
      readonly warnings: readonly string[];
      /** Names of the containers that may call. */
      readonly callers: readonly string[];
    }
  | {
      readonly kind: 'left-alone';
      readonly reason: string;
      /** At most the annotation that says why. */
      readonly operations: readonly AddOperation[];
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'refused';
      /** Everything that is wrong, for whoever wrote the pod. */
      readonly message: string;
    };

const MAX_MESSAGE_CHARACTERS = 4_096;
const FS_GROUP_POLICY = 'OnRootMismatch';

/**
 * Decides what is added to a pod. Pure: the same pod and settings give the same patch, and a pod that was patched gives an empty one.
 * @param given a pod as JSON has it; one of any other shape is refused
 */
export function injectPod(given: unknown, settings: InjectionSettings): Injection {
  const read = readPod(given);
  if ('fault' in read) return refused([`the pod is malformed: ${read.fault}`]);
  const { pod } = read;
  const asked = readRequest(new Map(Object.entries(pod.metadata.annotations ?? {})), settings);
  if (asked.wants === 'nothing') return leftAlone('it does not ask');
  const exception = exceptionOf(pod);
  if (exception !== undefined) {
    const operations = exception.isWritable ? annotate(pod, ANNOTATIONS.status.name, `left alone: ${exception.reason}`) : [];
    return { ...leftAlone(exception.reason), operations, warnings: [`no Keyside sidecar was added: ${exception.reason}`] };
  }
  if (asked.wants === 'nonsense') return refused(asked.faults);
  return withSidecar(pod, asked.request, settings);
}

function withSidecar(pod: CheckedPod, request: InjectionRequest, settings: InjectionSettings): Injection {
  const { callers, faults: callerFaults } = chooseCallers(pod, request, settings.nativeSidecars);
  const volumes = sidecarVolumes(request, callers);
  const sidecar = sidecarContainer({ pod, request, callers, settings });
  const present = findPresent(pod.spec, sidecar, volumes);
  const edits = callerEdits(pod, callers);
  const faults = [...podFaults(pod, settings), ...callerFaults, ...present.faults, ...edits.faults];
  if (faults.length > 0) return refused(faults);
  const names = callers.map(({ name }) => name);
  const { initContainers, containers } = pod.spec;
  const added = settings.nativeSidecars
    ? [prepend(pointer('spec', 'initContainers'), initContainers, sidecar)]
    : append(pointer('spec', 'containers'), containers, [sidecar]);
  return {
    kind: 'patch',
    operations: [
      ...annotate(pod, ANNOTATIONS.status.name, `injected by keyside ${settings.version}`),
      // What is the main container now need not be when another webhook has put its own first.
      ...(request.containers === undefined ? annotate(pod, ANNOTATIONS.containers.name, names.join(',')) : []),
      ...[...meshAnnotations(pod)].flatMap(([name, value]) => annotate(pod, name, value)),
      ...fileSystemGroup(pod, settings),
      ...append(pointer('spec', 'volumes'), pod.spec.volumes, present.missingVolumes),
      // Before the sidecar takes the first place among the init containers: these name places.
      ...edits.operations,
      ...(present.hasSidecar ? [] : added),
    ],
    warnings: [...podWarnings(pod, settings), ...edits.warnings],
    callers: names,
  };
}

/** Precondition: the pod has annotations, since it asked by one. */
function annotate({ metadata }: CheckedPod, name: string, value: string): AddOperation[] {
  return metadata.annotations?.[name] === value ? [] : [setMember(pointer('metadata', 'annotations', name), value)];
}

/** Socket and tokens are for a group, since containers run as users of their own. A group that the pod has already serves as well. */
function fileSystemGroup({ spec }: CheckedPod, { fsGroup }: InjectionSettings): AddOperation[] {
  const given = spec.securityContext ?? undefined;
  if (fsGroup === undefined || (given?.fsGroup ?? undefined) !== undefined) return [];
  const path = pointer('spec', 'securityContext');
  if (given === undefined) return [setMember(path, { fsGroup, fsGroupChangePolicy: FS_GROUP_POLICY })];
  const hasPolicy = (given.fsGroupChangePolicy ?? undefined) !== undefined;
  return [
    setMember(`${path}/fsGroup`, fsGroup),
    ...(hasPolicy ? [] : [setMember(`${path}/fsGroupChangePolicy`, FS_GROUP_POLICY)]),
  ];
}

function leftAlone(reason: string): Extract<Injection, { kind: 'left-alone' }> {
  return { kind: 'left-alone', reason, operations: [], warnings: [] };
}

function refused(faults: readonly string[]): Extract<Injection, { kind: 'refused' }> {
  const message = `keyside cannot be added: ${faults.join('; ')}`;
  return {
    kind: 'refused',
    message: message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message,
  };
}
