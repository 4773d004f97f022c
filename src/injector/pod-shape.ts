import type { Pod, PodSpec } from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { type FaultPath, renderPath } from '../config/fault.ts';

/** A pod of which all that the injector looks at is of the shape that its types promise. Members may be null where they are optional. */
export interface CheckedPod extends Pod {
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
}

/** Far above what pods have, and below what costs much to look at. */
const MAX_CONTAINERS = 256;
const MAX_ITEMS = 1_024;
const MAX_MEMBERS = 4_096;

/** The first thing that is wrong with a value at a path, in words. */
type Check = (value: unknown, path: FaultPath) => string | undefined;

/**
 * API servers send pods as their schema has them. The port, though, is open to whoever reaches it: what arrives is looked at before it
 * is believed.
 */
export function readPod(value: unknown): { readonly pod: CheckedPod } | { readonly fault: string } {
  const fault = pod(value, []);
  return fault === undefined ? { pod: value as CheckedPod } : { fault };
}

function ofType(type: 'string' | 'number' | 'boolean', words: string): Check {
  return (value, path) => (typeof value === type ? undefined : says(path, `must be ${words}`));
}

/** Absent members and null mean the same. */
function optional(check: Check): Check {
  return (value, path) => (value === undefined || value === null ? undefined : check(value, path));
}

function list(check: Check, max = MAX_ITEMS): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return says(path, 'must be a list');
    if (value.length > max) return says(path, `must have at most ${max} entries`);
    return firstFault(value.map((item, index) => () => check(item, [...path, index])));
  };
}

function object(members: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isObject(value)) return says(path, 'must be an object');
    return firstFault(
      Object.entries(members).map(
        ([name, check]) =>
          () =>
            check(value[name], [...path, name]),
      ),
    );
  };
}

function map(check: Check): Check {
  return (value, path) => {
    if (!isObject(value)) return says(path, 'must be an object');
    const entries = Object.entries(value);
    if (entries.length > MAX_MEMBERS) return says(path, `must have at most ${MAX_MEMBERS} members`);
    return firstFault(
      entries.map(
        ([name, member]) =>
          () =>
            check(member, [...path, name]),
      ),
    );
  };
}

function firstFault(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check();
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function says(path: FaultPath, words: string): string {
  return path.length === 0 ? `it ${words}` : `${renderPath(path)} ${words}`;
}

/** Whether it is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const text = ofType('string', 'a text');
const number = ofType('number', 'a number');
const flag = ofType('boolean', 'true or false');

const probe = object({ exec: optional(object({})) });

const container = object({
  name: text,
  args: optional(list(text)),
  command: optional(list(text)),
  env: optional(list(object({ name: text, value: optional(text) }))),
  envFrom: optional(list(object({}))),
  lifecycle: optional(object({})),
  livenessProbe: optional(probe),
  ports: optional(list(object({ containerPort: number }))),
  readinessProbe: optional(probe),
  resources: optional(object({ limits: optional(object({})) })),
  restartPolicy: optional(text),
  securityContext: optional(
    object({ privileged: optional(flag), capabilities: optional(object({ add: optional(list(text)) })) }),
  ),
  startupProbe: optional(probe),
  volumeDevices: optional(list(object({ name: text }))),
  volumeMounts: optional(list(object({ name: text, mountPath: text, readOnly: optional(flag) }))),
});

const pod = object({
  metadata: object({
    name: optional(text),
    generateName: optional(text),
    annotations: optional(map(text)),
    ownerReferences: optional(list(object({ kind: text }))),
  }),
  spec: object({
    containers: list(container, MAX_CONTAINERS),
    initContainers: optional(list(container, MAX_CONTAINERS)),
    ephemeralContainers: optional(list(container, MAX_CONTAINERS)),
    volumes: optional(list(object({ name: text }))),
    securityContext: optional(object({})),
    nodeSelector: optional(map(text)),
    os: optional(object({ name: text })),
    restartPolicy: optional(text),
    terminationGracePeriodSeconds: optional(number),
    hostNetwork: optional(flag),
    hostPID: optional(flag),
    shareProcessNamespace: optional(flag),
  }),
});
