import { HTTP_PORT } from './names.ts';
import type { CheckedPod } from './pod-shape.ts';

/** How a service mesh is recognised in a pod, and told which ports are not the proxy's. */
interface Mesh {
  /** Its proxy's container. */
  readonly proxy: string;
  /** The init container that redirects traffic; where there is none, the mesh's CNI plugin does, before any container starts. */
  readonly init: string;
  /** Ports with commas between them, or ranges of them; both plugins read it when they make the pod's network. */
  readonly annotation: string;
}

const ISTIO: Mesh = {
  proxy: 'istio-proxy',
  init: 'istio-init',
  annotation: 'traffic.sidecar.istio.io/excludeInboundPorts',
};
const LINKERD: Mesh = {
  proxy: 'linkerd-proxy',
  init: 'linkerd-init',
  annotation: 'config.linkerd.io/skip-inbound-ports',
};
const MESHES: readonly Mesh[] = [ISTIO, LINKERD];
const PORT = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/;

/** Containers that nobody means by "the pod's container". */
export const MESH_PROXIES: readonly string[] = MESHES.map(({ proxy }) => proxy);

/**
 * Annotations that keep the port of the probes out of a mesh, by name, where a CNI plugin redirects: the sidecar starts before the proxy
 * does, and its probes would wait for a proxy that waits for them. What stands there already stays, in front.
 */
export function meshAnnotations(pod: CheckedPod): ReadonlyMap<string, string> {
  const byPlugin = MESHES.filter(({ proxy, init }) => has(pod, proxy) && !has(pod, init));
  const lacking = byPlugin.map(({ annotation }) => [annotation, portsIn(pod, annotation)] as const);
  return new Map(lacking.filter(([, value]) => !isExcluded(value)).map(([annotation, value]) => [annotation, withPort(value)]));
}

/** Of meshes whose init container got its ports before the injector was asked: what the pod's template must say. */
export function meshWarnings(pod: CheckedPod): string[] {
  if (!has(pod, ISTIO.proxy) || !has(pod, ISTIO.init)) return [];
  const { proxy, annotation } = ISTIO;
  if (isExcluded(portsIn(pod, annotation))) return [];
  return [`${proxy} is there: where mTLS is STRICT, probes of the sidecar need ${annotation}: "${HTTP_PORT}"`];
}

function has({ spec }: CheckedPod, name: string): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some((each) => each.name === name);
}

function portsIn({ metadata }: CheckedPod, annotation: string): string {
  return metadata.annotations?.[annotation]?.trim() ?? '';
}

function isExcluded(value: string): boolean {
  if (value === '*') return true;
  return value.split(',').some((entry) => {
    const [, from, to = from] = PORT.exec(entry) ?? [];
    return from !== undefined && Number(from) <= HTTP_PORT && HTTP_PORT <= Number(to);
  });
}

function withPort(value: string): string {
  const given = value.replace(/[,\s]+$/, '');
  return given === '' ? String(HTTP_PORT) : `${given},${HTTP_PORT}`;
}
