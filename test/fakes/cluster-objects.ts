import type { ApiServer, ApiServerFailure, KubernetesObject, PatchStep } from '../../src/injector/certificates/api-server.ts';
import { ApiServerError } from '../../src/injector/certificates/api-server.ts';

const STATUS: Readonly<Record<ApiServerFailure, number>> = {
  missing: 404,
  conflict: 409,
  forbidden: 403,
  unauthorized: 401,
  refused: 422,
  unavailable: 503,
};

interface Metadata {
  readonly name?: string;
  readonly resourceVersion?: string;
}

/**
 * Objects of a cluster by their path, kept as an API server keeps them: each change gives an object another `resourceVersion`, and who
 * names an old one is told of a conflict. It knows `GET`, `POST` to a collection, `PUT`, and JSON patches of `add` and `replace`.
 */
export class ClusterObjects implements ApiServer {
  readonly #objects = new Map<string, KubernetesObject>();
  #version = 100;

  /** Every write that was taken. */
  readonly writes: { readonly verb: 'create' | 'replace' | 'patch'; readonly path: string }[] = [];

  /** As a person with all rights does it: without a look at what was there. */
  put(path: string, object: KubernetesObject): KubernetesObject {
    this.#version += 1;
    const metadata = { ...(object.metadata as object), resourceVersion: String(this.#version) };
    const kept = structuredClone({ ...object, metadata });
    this.#objects.set(path, kept);
    return structuredClone(kept);
  }

  /** @throws where there is none */
  peek(path: string): KubernetesObject {
    const object = this.#objects.get(path);
    if (object === undefined) throw failure('missing', `${path} not found`);
    return structuredClone(object);
  }

  remove(path: string): void {
    this.#objects.delete(path);
  }

  async get(path: string): Promise<KubernetesObject> {
    return this.peek(path);
  }

  async create(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    const { name } = object.metadata as Metadata;
    const place = `${path}/${name}`;
    if (this.#objects.has(place)) throw failure('conflict', `${place} already exists`);
    this.writes.push({ verb: 'create', path: place });
    return this.put(place, object);
  }

  async replace(path: string, object: KubernetesObject): Promise<KubernetesObject> {
    this.#compare(path, object);
    this.writes.push({ verb: 'replace', path });
    return this.put(path, object);
  }

  async patch(path: string, steps: readonly PatchStep[]): Promise<KubernetesObject> {
    const patched = this.peek(path);
    for (const step of steps) apply(patched, step);
    this.#compare(path, patched);
    this.writes.push({ verb: 'patch', path });
    return this.put(path, patched);
  }

  #compare(path: string, object: KubernetesObject): void {
    const { resourceVersion } = this.peek(path).metadata as Metadata;
    const named = (object.metadata as Metadata).resourceVersion;
    if (named !== resourceVersion) throw failure('conflict', `${path} has been modified`);
  }
}

/** What an API server answers for this. */
export function statusOf(error: unknown): { readonly code: number; readonly message: string } {
  if (!(error instanceof ApiServerError)) throw error;
  return { code: STATUS[error.failure], message: error.message };
}

export function failure(kind: ApiServerFailure, message: string): ApiServerError {
  return new ApiServerError(kind, message);
}

function apply(object: KubernetesObject, { path, value }: PatchStep): void {
  const names = path.split('/').slice(1);
  const last = names.pop() ?? '';
  let target: unknown = object;
  for (const name of names) target = (target as Record<string, unknown> | undefined)?.[name];
  if (typeof target !== 'object' || target === null) throw failure('refused', `${path} leads nowhere`);
  (target as Record<string, unknown>)[last] = value;
}
