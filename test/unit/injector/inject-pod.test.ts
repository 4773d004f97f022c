import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.d.ts';
import { containerOf, decided, injected, PLAIN_SETTINGS, podOf, SETTINGS, sidecarVolumesOf } from '../../fakes/pods.ts';

const ENV = [
  { name: 'KEYSIDE_ADDRESS', value: 'unix:///run/keyside/keyside.sock' },
  { name: 'KEYSIDE_TOKEN_FILE', value: '/run/keyside-token/token' },
];
const MOUNTS = [
  { name: 'keyside-socket', mountPath: '/run/keyside', readOnly: true },
  { name: 'keyside-token-0', mountPath: '/run/keyside-token', readOnly: true },
];
const NAME_63 = 'a'.repeat(63);

function names(containers: readonly Container[] | undefined): string[] {
  return (containers ?? []).map(({ name }) => name);
}

describe('the pod of a Deployment', () => {
  const pod = podOf();
  const after = injected(pod);

  it('gets the sidecar as its first init container, which stays', () => {
    assert.deepEqual(names(after.spec?.initContainers), ['keyside']);
    assert.equal(containerOf(after, 'keyside').restartPolicy, 'Always');
    assert.deepEqual(names(after.spec?.containers), ['app']);
  });

  it('has socket and token in its container, read-only, and says where they are', () => {
    assert.deepEqual(after.spec?.containers[0], { name: 'app', image: 'shop:1', volumeMounts: MOUNTS, env: ENV });
  });

  it('says who added the sidecar, and for which containers', () => {
    const { annotations } = after.metadata ?? {};
    assert.equal(annotations?.['keyside.dev/status'], 'injected by keyside 1.2.3');
    assert.equal(annotations?.['keyside.dev/containers'], 'app');
  });

  it('gets a group for its files', () => {
    assert.deepEqual(after.spec?.securityContext, { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' });
  });

  it('has volumes of memory for socket and token, of a limited disk for the trail, and its configuration', () => {
    assert.deepEqual(after.spec?.volumes, [
      { name: 'keyside-socket', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'keyside-token-0', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'keyside-audit', emptyDir: { sizeLimit: '2Gi' } },
      { name: 'keyside-config', configMap: { name: 'keyside' } },
    ]);
  });

  it('is not changed itself', () => assert.deepEqual(pod, podOf()));

  it('is left as it is when it comes again', () => {
    assert.deepEqual(decided('patch', after).operations, []);
  });
});

describe('the callers', () => {
  it('are the containers that are named, init containers too, each with a token of its own', () => {
    const after = injected(
      podOf(
        { containers: 'app,migrate', tenants: 'acme', 'operations.migrate': 'rewrap' },
        { initContainers: [{ name: 'migrate' }], containers: [{ name: 'proxy' }, { name: 'app' }] },
      ),
    );
    assert.deepEqual(names(after.spec?.initContainers), ['keyside', 'migrate']);
    assert.deepEqual(sidecarVolumesOf(containerOf(after, 'app')), ['keyside-socket', 'keyside-token-0']);
    assert.deepEqual(sidecarVolumesOf(containerOf(after, 'migrate')), ['keyside-socket', 'keyside-token-1']);
    assert.deepEqual(sidecarVolumesOf(containerOf(after, 'proxy')), []);
    assert.equal(containerOf(after, 'proxy').env, undefined);
    const minted = (containerOf(after, 'keyside').args ?? [])
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text));
    const usual = ['encrypt', 'decrypt', 'rewrap', 'check-key', 'list-keys', 'log-event'];
    assert.deepEqual(minted, [
      { id: 'app', tokenFile: '/run/keyside-tokens/app/token', tenants: ['acme'], operations: usual },
      { id: 'migrate', tokenFile: '/run/keyside-tokens/migrate/token', tenants: ['acme'], operations: ['rewrap'] },
    ]);
  });

  const mains: readonly { name: string; annotations?: Record<string, string>; containers: readonly string[]; want: string }[] = [
    { name: 'the only container', containers: ['app'], want: 'app' },
    { name: 'the only one that is no proxy of Istio', containers: ['istio-proxy', 'app'], want: 'app' },
    { name: 'the only one that is no proxy of Linkerd', containers: ['linkerd-proxy', 'app'], want: 'app' },
    {
      name: 'the one that kubectl takes',
      annotations: { 'kubectl.kubernetes.io/default-container': 'helper' },
      containers: ['app', 'helper'],
      want: 'helper',
    },
  ];
  for (const { name, annotations, containers, want } of mains) {
    it(`are ${name} where none is named`, () => {
      const pod = podOf(annotations, { containers: containers.map((each) => ({ name: each })) });
      assert.deepEqual(decided('patch', pod).callers, [want]);
      assert.equal(injected(pod).metadata?.annotations?.['keyside.dev/containers'], want);
    });
  }

  it('may have names of 63 characters', () => {
    const after = injected(podOf({}, { containers: [{ name: NAME_63 }] }));
    assert.deepEqual(sidecarVolumesOf(containerOf(after, NAME_63)), ['keyside-socket', 'keyside-token-0']);
    assert.ok(
      containerOf(after, 'keyside').volumeMounts?.some(({ mountPath }) => mountPath === `/run/keyside-tokens/${NAME_63}`),
    );
  });

  it('stay the same when another webhook puts its container first', () => {
    const after = injected(podOf());
    const spec = { ...after.spec, containers: [{ name: 'newcomer' }, ...(after.spec?.containers ?? [])] };
    const injection = decided('patch', { ...after, spec });
    assert.deepEqual([injection.operations, injection.callers], [[], ['app']]);
  });

  it('keep what they had: mounts and variables come after', () => {
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    const env = [
      { name: 'A', value: '1' },
      { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ];
    const after = injected(
      podOf({}, { containers: [{ name: 'app', volumeMounts, env }], volumes: [{ name: 'data', emptyDir: {} }] }),
    );
    assert.deepEqual(containerOf(after, 'app').volumeMounts, [...volumeMounts, ...MOUNTS]);
    assert.deepEqual(containerOf(after, 'app').env, [...env, ...ENV]);
    assert.deepEqual(after.spec?.volumes?.[0], { name: 'data', emptyDir: {} });
  });

  it('keep a variable that they set themselves, and are told; its value is not repeated', () => {
    const env = [
      { name: 'KEYSIDE_ADDRESS', value: 'secret.example:7460' },
      { name: 'KEYSIDE_TOKEN_FILE', valueFrom: { configMapKeyRef: { key: 'k' } } },
    ];
    const pod = podOf({}, { containers: [{ name: 'app', env }] });
    assert.deepEqual(containerOf(injected(pod), 'app').env, env);
    assert.deepEqual(decided('patch', pod).warnings, [
      "container app sets KEYSIDE_ADDRESS itself: kept, though the sidecar's is unix:///run/keyside/keyside.sock",
      "container app sets KEYSIDE_TOKEN_FILE itself: kept, though the sidecar's is /run/keyside-token/token",
    ]);
  });

  it('are told nothing where they set what the injector would', () => {
    assert.deepEqual(decided('patch', podOf({}, { containers: [{ name: 'app', env: ENV }] })).warnings, []);
  });
});

describe('the group of the files', () => {
  const cases: readonly { name: string; given: object | null; want: object }[] = [
    {
      name: 'is added to a security context',
      given: { runAsUser: 1000 },
      want: { runAsUser: 1000, fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' },
    },
    { name: "is the pod's own where it has one", given: { fsGroup: 2000 }, want: { fsGroup: 2000 } },
    { name: "is the pod's own even where that is root's", given: { fsGroup: 0 }, want: { fsGroup: 0 } },
    {
      name: 'leaves its policy to the pod',
      given: { fsGroupChangePolicy: 'Always' },
      want: { fsGroupChangePolicy: 'Always', fsGroup: 65_532 },
    },
    { name: 'takes null for absent', given: null, want: { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' } },
    {
      name: 'takes a null member for absent',
      given: { fsGroup: null },
      want: { fsGroup: 65_532, fsGroupChangePolicy: 'OnRootMismatch' },
    },
  ];
  for (const { name, given, want } of cases) {
    it(name, () => assert.deepEqual(injected(podOf({}, { securityContext: given as object })).spec?.securityContext, want));
  }

  it("is the namespace's where the settings say so", () => {
    const settings = { ...SETTINGS, fsGroup: undefined, userId: undefined };
    const after = injected(podOf(), settings);
    assert.equal(after.spec?.securityContext, undefined);
    assert.equal(containerOf(after, 'keyside').securityContext?.runAsUser, undefined);
    assert.equal(containerOf(after, 'keyside').securityContext?.runAsNonRoot, true);
  });
});

describe('before Kubernetes 1.29', () => {
  it('the sidecar is the last container, and serves on while the others end', () => {
    const after = injected(podOf({}, { initContainers: [{ name: 'migrate' }] }), PLAIN_SETTINGS);
    assert.deepEqual(names(after.spec?.containers), ['app', 'keyside']);
    assert.deepEqual(names(after.spec?.initContainers), ['migrate']);
    const { restartPolicy, lifecycle, startupProbe } = containerOf(after, 'keyside');
    assert.equal(restartPolicy, undefined);
    assert.deepEqual(lifecycle, {
      preStop: { exec: { command: ['/nodejs/bin/node', '--eval', 'setTimeout(() => {}, 15000)'] } },
    });
    assert.equal(startupProbe?.failureThreshold, 60);
    assert.deepEqual(decided('patch', after, PLAIN_SETTINGS).operations, []);
  });

  it('a pod that ends by itself is refused: it never would', () => {
    const owned = podOf();
    const job: Pod = {
      ...owned,
      metadata: { ...owned.metadata, ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u' }] },
    };
    for (const pod of [job, podOf({}, { restartPolicy: 'Never' }), podOf({}, { restartPolicy: 'OnFailure' })]) {
      assert.match(decided('refused', pod, PLAIN_SETTINGS).message, /is to end by itself.*1\.29/);
      assert.ok(decided('patch', pod, SETTINGS));
    }
  });

  it('an init container cannot call', () => {
    const pod = podOf({ containers: 'migrate' }, { initContainers: [{ name: 'migrate' }] });
    assert.match(decided('refused', pod, PLAIN_SETTINGS).message, /the init container migrate cannot call/);
  });
});

describe('beside other webhooks', () => {
  it('what other webhooks changed of the sidecar or put before it is left', () => {
    const after = injected(podOf({}, { initContainers: [{ name: 'migrate' }] }));
    const [sidecar, ...others] = after.spec?.initContainers ?? [];
    const changed = {
      ...sidecar,
      image: 'mirror.example/keyside:1',
      env: [{ name: 'AWS_REGION', value: 'eu-central-1' }],
      resources: {},
      livenessProbe: { httpGet: { path: '/app-health/keyside/livez', port: 15020 } },
      terminationMessagePath: '/dev/termination-log',
      volumeMounts: [
        ...(sidecar?.volumeMounts ?? []),
        { name: 'kube-api-access-x', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ],
    } as Container;
    const spec = { ...after.spec, initContainers: [{ name: 'istio-init' }, changed, ...others] };
    assert.deepEqual(decided('patch', { ...after, spec }).operations, []);
  });

  it('what an API server makes of volumes is recognised', () => {
    const after = injected(podOf({ secret: 's', 'audit-size': '1024Mi', 'token-audiences': 'aws' }));
    const volumes = (after.spec?.volumes ?? []).map((volume) => {
      const { emptyDir, configMap, projected } = volume;
      if (emptyDir?.sizeLimit === '1024Mi') return { ...volume, emptyDir: { ...emptyDir, sizeLimit: '1Gi' } };
      if (configMap !== undefined) return { ...volume, configMap: { ...configMap, defaultMode: 420 } };
      return projected === undefined ? volume : { ...volume, projected: { ...projected, defaultMode: 420 } };
    });
    assert.deepEqual(decided('patch', { ...after, spec: { ...after.spec, volumes } }).operations, []);
  });
});

describe('a pod is left alone', () => {
  const cases: readonly { name: string; pod: Pod; reason: string; status?: string }[] = [
    { name: 'that does not ask', pod: podOf({ inject: 'false' }), reason: 'it does not ask' },
    { name: 'without annotations', pod: { metadata: {}, spec: { containers: [] } }, reason: 'it does not ask' },
    {
      name: 'for Windows',
      pod: podOf({}, { os: { name: 'windows' } }),
      reason: 'a pod for Windows',
      status: 'left alone: a pod for Windows',
    },
    {
      name: 'for nodes of Windows',
      pod: podOf({}, { nodeSelector: { 'kubernetes.io/os': 'windows' } }),
      reason: 'a pod for Windows',
      status: 'left alone: a pod for Windows',
    },
    {
      name: 'that mirrors a static one, though what it asks for is wrong',
      pod: podOf({ 'kubernetes.io/config.mirror': 'abc', nonsense: 'x' }),
      reason: 'a static pod of a node',
    },
  ];
  for (const { name, pod, reason, status } of cases) {
    it(name, () => {
      const injection = decided('left-alone', pod);
      assert.equal(injection.reason, reason);
      const operations = [{ op: 'add', path: '/metadata/annotations/keyside.dev~1status', value: status }];
      assert.deepEqual(injection.operations, status === undefined ? [] : operations);
      assert.equal(injection.warnings.length, reason === 'it does not ask' ? 0 : 1);
    });
  }

  it('for Windows is told so once', () => {
    const pod = podOf({ status: 'left alone: a pod for Windows' }, { os: { name: 'windows' } });
    assert.deepEqual(decided('left-alone', pod).operations, []);
  });
});

describe('a pod works, with a warning', () => {
  it('where containers share their processes', () => {
    assert.match(
      decided('patch', podOf({}, { shareProcessNamespace: true })).warnings[0] ?? '',
      /^shareProcessNamespace: .*data keys/,
    );
  });

  it("where it sees the node's processes", () => {
    assert.match(decided('patch', podOf({}, { hostPID: true })).warnings[0] ?? '', /^hostPID: /);
  });

  it('where the time to end may be too short for the records: by default, with native sidecars up to 40 seconds', () => {
    const warnings = (seconds: number, settings = SETTINGS) =>
      decided('patch', podOf({}, { terminationGracePeriodSeconds: seconds }), settings).warnings;
    const words = (seconds: number, enough: number) => [
      `terminationGracePeriodSeconds is ${seconds}: with less than ${enough}, audit records that sinks do not have yet may be lost when the pod ends`,
    ];
    const { terminationGracePeriodSeconds: _, ...unsaid } = podOf().spec as PodSpec;
    assert.deepEqual(decided('patch', { ...podOf(), spec: unsaid }).warnings, words(30, 41));
    assert.deepEqual([warnings(40), warnings(41)], [words(40, 41), []]);
    assert.deepEqual([warnings(54, PLAIN_SETTINGS), warnings(55, PLAIN_SETTINGS)], [words(54, 55), []]);
  });
});
