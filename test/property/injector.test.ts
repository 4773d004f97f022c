import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { cutWarnings } from '../../src/injector/admission-review.ts';
import { ANNOTATIONS } from '../../src/injector/annotations.ts';
import { type Injection, injectPod } from '../../src/injector/inject-pod.ts';
import { pointer, setMember } from '../../src/injector/json-patch.ts';
import type { InjectionSettings } from '../../src/injector/settings.ts';
import { applyJsonPatch } from '../fakes/apply-json-patch.ts';
import { PLAIN_SETTINGS, SETTINGS, sidecarVolumesOf } from '../fakes/pods.ts';
import { check } from './runs.ts';

type Patch = Extract<Injection, { kind: 'patch' }>;

const NAMES = ['app', 'worker', 'migrate', 'istio-proxy', 'linkerd-proxy', 'a'.repeat(63)] as const;
/** Names that are taken now and then, so that refusals are seen as well. */
const RARE_NAMES = ['keyside', 'anonymous'] as const;

const MESH_ANNOTATIONS: readonly string[] = [
  'traffic.sidecar.istio.io/excludeInboundPorts',
  'config.linkerd.io/skip-inbound-ports',
];

const name = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(...RARE_NAMES) },
);
const member = <Value>(value: fc.Arbitrary<Value>) => fc.oneof(value, fc.constantFrom(undefined, null));

const mount = fc.record({
  name: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('data', 'tmp') },
    { weight: 1, arbitrary: fc.constant('keyside-token-0') },
  ),
  mountPath: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('/data', '/run', '/tmp/x') },
    { weight: 1, arbitrary: fc.constant('/run/keyside') },
  ),
});
const variable = fc.record({
  name: fc.constantFrom('A', 'PATH', 'KEYSIDE_ADDRESS', 'KEYSIDE_TOKEN_FILE'),
  value: member(fc.string({ maxLength: 8 })),
});
const containerNamed = (named: string) =>
  fc.record({
    name: fc.constant(named),
    image: fc.string({ maxLength: 8 }),
    volumeMounts: member(fc.array(mount, { maxLength: 2 })),
    env: member(fc.array(variable, { maxLength: 3 })),
    ports: member(fc.array(fc.record({ containerPort: fc.constantFrom(80, 443) }), { maxLength: 1 })),
    resources: member(fc.constantFrom({}, { limits: null }, { limits: { 'ephemeral-storage': '1Gi' } })),
  });

const volume = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom({ name: 'data', emptyDir: {} }, { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }) },
  { weight: 1, arbitrary: fc.constant({ name: 'keyside-own', emptyDir: {} }) },
);

const value = {
  tenants: fc.constantFrom('*', 'acme', 'acme, globex'),
  operations: fc.constantFrom('*', 'encrypt', 'encrypt,decrypt'),
  quantity: fc.constantFrom('128Mi', '1Gi', '1.5Gi', '536870912'),
  audiences: fc.constantFrom('aws', 'aws,azure', 'gcp=//iam.example/pool'),
};
/** Of a pod with these containers, mostly of ones that it has. */
function annotationsFor(names: readonly string[]) {
  const own = fc.constantFrom(...names.filter((each) => each !== 'keyside'), 'app');
  return fc
    .record(
      {
        [ANNOTATIONS.config.name]: fc.constantFrom('keyside', 'shop'),
        [ANNOTATIONS.tenantsConfig.name]: fc.constant('tenants'),
        [ANNOTATIONS.secret.name]: fc.constant('secrets'),
        [ANNOTATIONS.containers.name]: fc.uniqueArray(own, { minLength: 1, maxLength: 3 }).map(String),
        [ANNOTATIONS.tenants.name]: value.tenants,
        [ANNOTATIONS.operations.name]: value.operations,
        [ANNOTATIONS.memoryLimit.name]: value.quantity,
        [ANNOTATIONS.auditSize.name]: value.quantity,
        [ANNOTATIONS.tokenAudiences.name]: value.audiences,
        [ANNOTATIONS.status.name]: fc.string(),
        'kubectl.kubernetes.io/default-container': own,
        'traffic.sidecar.istio.io/excludeInboundPorts': fc.constantFrom('80', '80,443', '*', '7461'),
        'a/b~c': fc.string(),
      },
      { requiredKeys: [] },
    )
    .chain((given) => {
      const caller = given[ANNOTATIONS.containers.name]?.split(',')[0];
      const scoped =
        caller === undefined || caller.length > 52 ? {} : { [`${ANNOTATIONS.tenants.name}.${caller}`]: value.tenants };
      return fc
        .record(scoped, { requiredKeys: [] })
        .map((scopes) => ({ ...given, ...scopes, [ANNOTATIONS.inject.name]: 'true' }));
    });
}

/** At least one of them is no init container. */
const lists = (names: readonly string[]) =>
  fc.tuple(fc.nat(names.length - 1), fc.tuple(...names.map(containerNamed))).map(([inits, all]) => ({
    initContainers: all.slice(0, inits),
    containers: all.slice(inits),
  }));

/** As it comes out of JSON. */
function asSent(pod: object): Pod {
  return JSON.parse(JSON.stringify(pod));
}

/** Pods that ask for the sidecar; some of them for what cannot be. */
const pods = fc.uniqueArray(name, { minLength: 1, maxLength: 6 }).chain((names) =>
  fc
    .record({
      annotations: annotationsFor(names),
      containers: lists(names),
      volumes: member(fc.uniqueArray(volume, { selector: (each) => each.name, maxLength: 2 })),
      securityContext: member(fc.constantFrom({}, { fsGroup: 2000 }, { runAsUser: 1000, fsGroup: null })),
      hostPID: fc.boolean(),
    })
    .map(({ annotations, containers, ...spec }) => asSent({ metadata: { annotations }, spec: { ...spec, ...containers } })),
);

const settings = fc.constantFrom<InjectionSettings>(SETTINGS, PLAIN_SETTINGS, {
  ...SETTINGS,
  fsGroup: undefined,
  userId: undefined,
});

/** Checks what holds of pods that get the sidecar, and that there were enough of them. */
function checkInjected(judge: (before: Pod, after: Pod, injection: Patch) => void): void {
  let seen = 0;
  check(
    fc.property(pods, settings, (before, chosen) => {
      const given = structuredClone(before);
      const injection = injectPod(before, chosen);
      assert.deepEqual(before, given, 'the pod that was given was changed');
      if (injection.kind !== 'patch') return;
      seen += 1;
      judge(before, applyJsonPatch(before, injection.operations) as Pod, injection);
      const again = injectPod(applyJsonPatch(before, injection.operations), chosen);
      assert.deepEqual(again.kind === 'patch' ? again.operations : again, [], 'a second time adds something');
    }),
    400,
  );
  assert.ok(seen >= 100, `only ${seen} pods got the sidecar`);
}

function allOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

function list<Item>(items: readonly Item[] | null | undefined): readonly Item[] {
  return items ?? [];
}

describe('a pod that gets the sidecar', () => {
  it('has its containers in their order, unchanged but for mounts and variables that come after their own', () => {
    checkInjected((before, after, { callers }) => {
      const others = allOf(after).filter(({ name: named }) => named !== 'keyside');
      assert.deepEqual(
        others.map((container) => container.name),
        allOf(before).map((container) => container.name),
      );
      for (const [index, container] of others.entries()) {
        const original = allOf(before)[index] as Container;
        if (!callers.includes(container.name)) {
          assert.deepEqual(container, original);
          continue;
        }
        const { volumeMounts, env, ...rest } = container;
        const { volumeMounts: mounts, env: variables, ...same } = original;
        assert.deepEqual(rest, same);
        assert.deepEqual(list(volumeMounts).slice(0, list(mounts).length), list(mounts));
        assert.deepEqual(list(env).slice(0, list(variables).length), list(variables));
      }
    });
  });

  it('has socket and tokens in its callers alone, each its own token, and nothing else of the sidecar', () => {
    checkInjected((_, after, { callers }) => {
      for (const container of allOf(after).filter(({ name: named }) => named !== 'keyside')) {
        const at = callers.indexOf(container.name);
        assert.deepEqual(sidecarVolumesOf(container), at < 0 ? [] : ['keyside-socket', `keyside-token-${at}`]);
        for (const each of list(container.volumeMounts)) assert.ok(!each.name.startsWith('keyside-') || each.readOnly === true);
      }
    });
  });

  it('has no secret in it: no variable of the sidecar, and of the callers only where to look', () => {
    checkInjected((before, after) => {
      const sidecar = allOf(after).find(({ name: named }) => named === 'keyside');
      assert.ok(sidecar !== undefined && sidecar.env === undefined);
      const known = new Set(allOf(before).flatMap(({ env }) => list(env).map(({ value: text }) => text)));
      const added = allOf(after).flatMap(({ env }) => list(env).filter(({ value: text }) => !known.has(text)));
      for (const { value: text } of added) {
        assert.ok(text === 'unix:///run/keyside/keyside.sock' || text === '/run/keyside-token/token', text);
      }
      // What is random differs from one time to the next.
      assert.deepEqual(injectPod(before, SETTINGS), injectPod(before, SETTINGS));
    });
  });

  it('has every annotation, volume and setting that it had', () => {
    checkInjected((before, after) => {
      const written: readonly string[] = [ANNOTATIONS.status.name, ANNOTATIONS.containers.name, ...MESH_ANNOTATIONS];
      for (const [key, text] of Object.entries(before.metadata?.annotations ?? {})) {
        const kept = after.metadata?.annotations?.[key];
        if (MESH_ANNOTATIONS.includes(key)) assert.ok(kept?.startsWith(text), `${key}: ${kept}`);
        else if (key !== ANNOTATIONS.status.name) assert.equal(kept, text);
      }
      const more = Object.keys(after.metadata?.annotations ?? {}).filter((key) => !(key in (before.metadata?.annotations ?? {})));
      assert.ok(more.every((key) => written.includes(key)));
      assert.deepEqual(list(after.spec?.volumes).slice(0, list(before.spec?.volumes).length), list(before.spec?.volumes));
      for (const [key, given] of Object.entries(before.spec?.securityContext ?? {})) {
        if (given !== null)
          assert.equal(Object.entries(after.spec?.securityContext ?? {}).find(([own]) => own === key)?.[1], given);
      }
      const {
        volumes: _a,
        securityContext: _b,
        containers: _c,
        initContainers: _d,
        ...rest
      } = after.spec as Required<Pod>['spec'];
      const {
        volumes: _e,
        securityContext: _f,
        containers: _g,
        initContainers: _h,
        ...same
      } = before.spec as Required<Pod>['spec'];
      assert.deepEqual(rest, same);
    });
  });

  it('has each volume once, and each of the sidecar mounted by it', () => {
    checkInjected((_, after) => {
      const names = list(after.spec?.volumes).map((each) => each.name);
      assert.equal(new Set(names).size, names.length);
      const sidecar = allOf(after).find(({ name: named }) => named === 'keyside') as Container;
      assert.deepEqual(
        names.filter((each) => each.startsWith('keyside-')),
        sidecarVolumesOf(sidecar),
      );
    });
  });
});

describe('whatever is sent', () => {
  /** Replaces members of a good pod by anything, at any depth. */
  const broken = fc
    .tuple(
      pods,
      fc.array(fc.tuple(fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }), fc.jsonValue({ maxDepth: 2 })), { maxLength: 3 }),
    )
    .map(([pod, changes]) => changes.reduce<unknown>((given, [path, anything]) => replaceAt(given, path, anything), pod));

  it('is decided in words, and what is patched can be', () => {
    const outcomes = new Map<string, number>();
    check(
      fc.property(fc.oneof(broken, fc.jsonValue()), settings, (given, chosen) => {
        const injection = injectPod(given, chosen);
        outcomes.set(injection.kind, (outcomes.get(injection.kind) ?? 0) + 1);
        if (injection.kind === 'refused') assert.match(injection.message, /^keyside cannot be added: ./);
        else applyJsonPatch(given, injection.operations);
      }),
      1_000,
    );
    for (const kind of ['patch', 'refused', 'left-alone']) assert.ok((outcomes.get(kind) ?? 0) > 5, `hardly any was ${kind}`);
  });

  it('as an annotation is refused, or read, but never thrown at', () => {
    const key = fc.oneof(fc.constantFrom(...Object.values(ANNOTATIONS).map((each) => each.name)), fc.string());
    const text = fc.oneof(fc.string(), value.quantity, fc.constantFrom('app', '__proto__', 'constructor', '$(X)'));
    check(
      fc.property(fc.dictionary(key, text), (extra) => {
        const pod = {
          metadata: { annotations: { ...extra, [ANNOTATIONS.inject.name]: 'true' } },
          spec: { containers: [{ name: 'app' }] },
        };
        const injection = injectPod(pod, SETTINGS);
        if (injection.kind === 'patch') applyJsonPatch(pod, injection.operations);
      }),
      500,
    );
  });

  it('as a name is a place in a document, and that place alone', () => {
    check(
      fc.property(fc.dictionary(fc.string(), fc.integer()), fc.string(), (members, key) => {
        const patched = applyJsonPatch({ deep: members }, [setMember(pointer('deep', key), 'new')]) as { deep: object };
        assert.deepEqual(
          new Map(Object.entries(patched.deep)),
          new Map<string, unknown>(Object.entries(members)).set(key, 'new'),
        );
      }),
      300,
    );
  });

  it('as warnings keeps to the limits of API servers', () => {
    check(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { maxLength: 40 }), (warnings) => {
        const lengths = cutWarnings(warnings).map((each) => [...each].length);
        assert.ok(lengths.every((length) => length <= 256) && lengths.reduce((sum, length) => sum + length, 0) <= 4_096);
      }),
      200,
    );
  });
});

function replaceAt(given: unknown, [at = 0, ...deeper]: readonly number[], anything: unknown): unknown {
  if (typeof given !== 'object' || given === null) return anything;
  const keys = Object.keys(given);
  const key = keys[at % Math.max(1, keys.length)];
  if (key === undefined) return anything;
  const child = (given as Record<string, unknown>)[key];
  const replaced = deeper.length === 0 ? anything : replaceAt(child, deeper, anything);
  if (Array.isArray(given)) return given.with(Number(key), replaced);
  return { ...given, [key]: replaced };
}
