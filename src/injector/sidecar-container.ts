import type { Container, Probe, ResourceRequirements, SecurityContext } from 'kubernetes-types/core/v1.d.ts';
import type { Caller } from './caller-containers.ts';
import { AUDIT_FOLDER, CONFIG_FOLDER, HTTP_PORT, SIDECAR, SOCKET, TOKEN_FILE, TOKENS_FOLDER } from './names.ts';
import type { CheckedPod } from './pod-shape.ts';
import { parseQuantity } from './quantity.ts';
import type { InjectionRequest } from './request.ts';
import type { InjectionSettings } from './settings.ts';
import { sidecarMounts } from './sidecar-volumes.ts';

/** The rest is for what a file system and a log need beside the records. */
const AUDIT_SHARE = 0.75;
/** What the log on the node may take, beside the trail. */
const LOG_BYTES = 256 * 2 ** 20;
const EPHEMERAL = 'ephemeral-storage';
/** Said, since a limit alone is a request of as much: a node would have to have all of it free that is hardly ever used. */
const EPHEMERAL_REQUEST = '64Mi';

/** Everything that the sidecar's container is made of. */
export interface SidecarPlan {
  readonly pod: CheckedPod;
  readonly request: InjectionRequest;
  readonly callers: readonly Caller[];
  readonly settings: InjectionSettings;
}

/** The sidecar's container. It holds no secret: tokens are made when it starts, and what it reads is named, not told. */
export function sidecarContainer(plan: SidecarPlan): Container {
  const { request, callers, settings } = plan;
  return {
    name: SIDECAR,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    args: daemonArguments(plan),
    ports: [{ name: 'keyside-http', containerPort: HTTP_PORT, protocol: 'TCP' }],
    ...(settings.nativeSidecars
      ? { restartPolicy: 'Always' }
      : { lifecycle: servesOnWhileOthersEnd(settings.plainDrainSeconds) }),
    startupProbe: probe('/readyz', { periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 2 }),
    livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 }),
    readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 2 }),
    resources: resources(plan),
    securityContext: securityContext(settings),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: sidecarMounts(request, callers),
  };
}

function daemonArguments({ request, callers, settings }: SidecarPlan): string[] {
  const auditBytes = Math.floor((parseQuantity(request.auditSize) ?? 0) * AUDIT_SHARE);
  return [
    'sidecar',
    ...['--config', `${CONFIG_FOLDER}/keyside.yaml`],
    ...['--tcp', 'off'],
    ...['--unix', SOCKET],
    ...['--http', `${settings.httpHost}:${HTTP_PORT}`],
    ...['--audit-dir', AUDIT_FOLDER],
    ...['--audit-max-bytes', String(auditBytes)],
    ...callers.flatMap((caller) => ['--mint-caller', mintedCaller(caller)]),
  ];
}

/** An entry of `callers`, as the daemon's option takes it. Nothing in it can be `$(VARIABLE)`, which Kubernetes would replace. */
function mintedCaller({ name, tenants, operations }: Caller): string {
  return JSON.stringify({ id: name, tokenFile: `${TOKENS_FOLDER}/${name}/${TOKEN_FILE}`, tenants, operations });
}

function probe(path: string, timing: Omit<Probe, 'httpGet'>): Probe {
  return { httpGet: { path, port: HTTP_PORT }, ...timing };
}

/** The image has no shell: its Node sleeps. */
function servesOnWhileOthersEnd(seconds: number): NonNullable<Container['lifecycle']> {
  return { preStop: { exec: { command: ['/nodejs/bin/node', '--eval', `setTimeout(() => {}, ${seconds * 1000})`] } } };
}

function securityContext({ userId }: InjectionSettings): SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    // Said here as well as in the image: the pod may say otherwise for all containers.
    ...(userId === undefined ? {} : { runAsUser: userId, runAsGroup: userId }),
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

function resources({ pod, request }: SidecarPlan): ResourceRequirements {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = request.resources;
  const storage = storageLimit(pod, request);
  return {
    requests: {
      cpu: cpuRequest,
      memory: memoryRequest,
      ...(storage === undefined ? {} : { [EPHEMERAL]: EPHEMERAL_REQUEST }),
    },
    limits: {
      ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }),
      memory: memoryLimit,
      ...(storage === undefined ? {} : { [EPHEMERAL]: storage }),
    },
  };
}

/**
 * Kubernetes evicts a pod whose volumes and logs outgrow the sum of its containers' limits. Where one has such a limit, the sidecar
 * brings its own share; where none has, a limit of the sidecar's would become the whole pod's.
 */
function storageLimit({ spec }: CheckedPod, { auditSize }: InjectionRequest): string | undefined {
  const others = [...(spec.initContainers ?? []), ...spec.containers].filter(({ name }) => name !== SIDECAR);
  const isLimited = others.some(({ resources: own }) => own?.limits?.[EPHEMERAL] !== undefined);
  return isLimited ? String((parseQuantity(auditSize) ?? 0) + LOG_BYTES) : undefined;
}
