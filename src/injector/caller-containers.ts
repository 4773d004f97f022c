import type { Container, EnvVar, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import { shown } from './annotation-values.ts';
import { ANNOTATIONS } from './annotations.ts';
import { type AddOperation, append, pointer } from './json-patch.ts';
import { MESH_PROXIES } from './mesh-ports.ts';
import {
  ADDRESS_VARIABLE,
  SIDECAR,
  SOCKET,
  SOCKET_FOLDER,
  TOKEN_FILE,
  TOKEN_FOLDER,
  TOKEN_VARIABLE,
  tokenVolume,
  VOLUME_PREFIX,
  VOLUMES,
} from './names.ts';
import type { CheckedPod } from './pod-shape.ts';
import type { InjectionRequest, Scope } from './request.ts';

/** A container that may call, and what its token will be good for. */
export interface Caller {
  /** The container's name, and the caller's id. */
  readonly name: string;
  readonly tokenVolume: string;
  readonly tenants: readonly string[];
  readonly operations: readonly string[];
}

/** What becomes of the containers that may call. */
export interface CallerEdits {
  readonly operations: readonly AddOperation[];
  readonly warnings: readonly string[];
  readonly faults: readonly string[];
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';
/** The id of callers without a token. */
const ANONYMOUS = 'anonymous';
/** Of a pod's containers, in one message. */
const MAX_NAMED = 10;

const VARIABLES: readonly EnvVar[] = [
  { name: ADDRESS_VARIABLE, value: `unix://${SOCKET}` },
  { name: TOKEN_VARIABLE, value: `${TOKEN_FOLDER}/${TOKEN_FILE}` },
];

/** The containers that the annotations name, or the pod's main one, in that order; with what is wrong with the names. */
export function chooseCallers(
  pod: CheckedPod,
  request: InjectionRequest,
  isNative: boolean,
): { readonly callers: readonly Caller[]; readonly faults: readonly string[] } {
  const main = request.containers === undefined ? mainContainer(pod) : undefined;
  if (main !== undefined && 'fault' in main) return { callers: [], faults: [main.fault] };
  const names = request.containers ?? [main?.name ?? ''];
  const namedBy = request.containers === undefined ? DEFAULT_CONTAINER : ANNOTATIONS.containers.name;
  const callers = names.map((name, index) => ({
    name,
    tokenVolume: tokenVolume(index),
    tenants: request.tenants.byContainer.get(name) ?? request.tenants.all,
    operations: request.operations.byContainer.get(name) ?? request.operations.all,
  }));
  const known = knownContainers(pod, isNative);
  const faults = [
    ...names
      .map((name) => nameFault(known, name))
      .filter((fault) => fault !== undefined)
      .map((fault) => `${namedBy}: ${fault}`),
    ...scopeFaults(ANNOTATIONS.tenants.name, request.tenants, names),
    ...scopeFaults(ANNOTATIONS.operations.name, request.operations, names),
  ];
  return { callers, faults };
}

/** Only where there is no choice: a token that is good for all tenants must not go to the sidecar of somebody else. */
function mainContainer(pod: CheckedPod): { readonly name: string } | { readonly fault: string } {
  const named = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  if (named !== undefined) return { name: named };
  const [main, ...others] = pod.spec.containers.filter(({ name }) => name !== SIDECAR && !MESH_PROXIES.includes(name));
  if (main === undefined) return { fault: 'the pod has no container that could call' };
  if (others.length === 0) return main;
  return { fault: `${ANNOTATIONS.containers.name} must say which containers may call: the pod has ${listed([main, ...others])}` };
}

/** The pod's containers as a name is looked up among them. */
interface KnownContainers {
  readonly names: ReadonlySet<string>;
  /** Those that end before the sidecar starts. */
  readonly early: ReadonlySet<string>;
  /** For messages. */
  readonly words: string;
}

function knownContainers({ spec }: CheckedPod, isNative: boolean): KnownContainers {
  const initContainers = spec.initContainers ?? [];
  const initNames = initContainers.map(({ name }) => name);
  const names = spec.containers.map(({ name }) => name);
  return {
    names: new Set([...names, ...(isNative ? initNames : [])]),
    early: new Set(isNative ? [] : initNames),
    words: listed([...initContainers, ...spec.containers].filter(({ name }) => name !== SIDECAR)),
  };
}

function listed(containers: readonly { readonly name: string }[]): string {
  const names = containers.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = containers.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function nameFault({ names, early, words }: KnownContainers, name: string): string | undefined {
  if (name === SIDECAR) return `the container ${SIDECAR} is the sidecar itself and cannot be one that calls it`;
  if (name === ANONYMOUS) return `a container named ${ANONYMOUS} cannot call: so are callers called that have no token`;
  if (names.has(name)) return undefined;
  if (early.has(name)) return `the init container ${name} cannot call: in this cluster the sidecar starts after init containers`;
  return `${shown(name)} is no container of the pod: it has ${words}`;
}

function scopeFaults(annotation: string, { byContainer }: Scope, names: readonly string[]): string[] {
  return [...byContainer.keys()]
    .filter((container) => !names.includes(container))
    .map((container) => `${annotation}.${container} is of a container that may not call: see ${ANNOTATIONS.containers.name}`);
}

/** Mounts and variables for those that call, where they lack them; and whoever else has a hand on the sidecar's volumes. */
export function callerEdits({ spec }: CheckedPod, callers: readonly Caller[]): CallerEdits {
  const edits = (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => {
      const caller = callers.find(({ name }) => name === container.name);
      return caller === undefined ? outsider(container) : edit(container, caller, pointer('spec', list, index));
    }),
  );
  const all = [...edits, ...(spec.ephemeralContainers ?? []).map((container) => outsider(container as Container))];
  return {
    operations: all.flatMap((each) => each.operations),
    warnings: all.flatMap((each) => each.warnings),
    faults: all.flatMap((each) => each.faults),
  };
}

function edit(container: Container, caller: Caller, path: string): CallerEdits {
  const wanted: readonly VolumeMount[] = [
    { name: VOLUMES.socket, mountPath: SOCKET_FOLDER, readOnly: true },
    { name: caller.tokenVolume, mountPath: TOKEN_FOLDER, readOnly: true },
  ];
  const mounts = container.volumeMounts ?? [];
  const isOurs = (mount: VolumeMount): boolean =>
    wanted.some(({ name, mountPath }) => mount.name === name && mount.mountPath === mountPath && mount.readOnly === true);
  const missing = wanted.filter(({ name }) => !mounts.some((mount) => mount.name === name));
  const taken = mounts.filter(
    (mount) => !isOurs(mount) && wanted.some(({ mountPath }) => isSamePath(mountPath, mount.mountPath)),
  );
  const variables = VARIABLES.filter(({ name }) => !container.env?.some((variable) => variable.name === name));
  return {
    operations: [
      ...append(`${path}/volumeMounts`, container.volumeMounts, missing),
      ...append(`${path}/env`, container.env, variables),
    ],
    warnings: keptVariables(container),
    faults: [
      ...foreignMounts(container, isOurs),
      ...taken.map(
        ({ mountPath, name }) =>
          `container ${container.name} has the volume ${name} at ${mountPath}, where the sidecar's must be`,
      ),
    ],
  };
}

function keptVariables({ name: container, env }: Container): string[] {
  return VARIABLES.filter(({ name, value }) => env?.some((variable) => variable.name === name && variable.value !== value)).map(
    ({ name, value }) => `container ${container} sets ${name} itself: kept, though the sidecar's is ${value}`,
  );
}

function outsider(container: Container): CallerEdits {
  const faults = container.name === SIDECAR ? [] : foreignMounts(container, () => false);
  return { operations: [], warnings: [], faults };
}

/** A pod that names one of the sidecar's volumes would have it once the volume is there: socket, somebody's token, or the trail. */
function foreignMounts(container: Container, isOurs: (mount: VolumeMount) => boolean): string[] {
  const foreign = (container.volumeMounts ?? []).filter((mount) => !isOurs(mount));
  return [...foreign, ...(container.volumeDevices ?? [])]
    .filter(({ name }) => name.startsWith(VOLUME_PREFIX))
    .map(({ name }) => `container ${container.name} mounts ${name}: names that begin with ${VOLUME_PREFIX} are the sidecar's`);
}

function isSamePath(a: string, b: string): boolean {
  return a === b.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
