import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type InjectorConfig, parseInjectorConfig } from '../../src/injector/config.ts';
import { run } from './harness.ts';
import { CHART, type Manifest, NEW, OLD, only, type Release, render, renderText, schemaFaults } from './helm-chart.ts';
import { BAD_VALUES, VALUE_SETS } from './helm-values.ts';
import { HELM, whyNoHelm } from './kubernetes-tools.ts';

const missing = await whyNoHelm();
if (missing !== undefined) console.log(`# ${missing}`);

/** Where the policy is not served without being asked for. */
const OLD_WITH_POLICY = { kubernetes: OLD, apiVersions: ['admissionregistration.k8s.io/v1beta1/ValidatingAdmissionPolicy'] };
const ROLE_KINDS = ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'];

describe('the chart', { skip: missing ?? false }, () => {
  it('passes lint, strictly', () => run(HELM, ['lint', '--strict', CHART]));

  for (const [title, release] of Object.entries(VALUE_SETS)) {
    it(`${title}: every manifest is valid for ${OLD} and ${NEW}, unknown fields being faults`, async () => {
      assert.deepEqual(await schemaFaults(NEW, await render(release)), []);
      assert.deepEqual(await schemaFaults(OLD, await render({ ...release, ...OLD_WITH_POLICY })), []);
    });

    it(`${title}: the injector takes its configuration, and what that names is there`, async () => {
      const manifests = await render(release);
      assertReferences(manifests, configOf(manifests));
    });

    it(`${title}: the injector's pods are as restricted as they can be`, async () => {
      assertRestricted(only(await render(release), 'Deployment').spec.template.spec);
    });
  }

  it('has schemas that see what is wrong', async () => {
    const [deployment, rule] = [only(await render(), 'Deployment'), only(await render(VALUE_SETS.monitoring), 'PrometheusRule')];
    const spoilt = [
      { ...deployment, spec: { ...deployment.spec, replica: 2 } },
      { ...rule, spec: { ...rule.spec, group: [] } },
      { ...deployment, kind: 'Deploymint' },
    ] as readonly Manifest[];
    const faults = await schemaFaults(NEW, spoilt);
    assert.match(faults.join('\n'), /'replica' was unexpected.*'group' was unexpected.*schema for kind Deploymint/s);
  });

  for (const [values, named] of BAD_VALUES) {
    it(`refuses ${JSON.stringify(values)} and names the key`, () => assert.rejects(renderText({ values }), named));
  }

  it('documents every value that its schema knows, and no other', async () => {
    const schema = JSON.parse(await readFile(`${CHART}/values.schema.json`, 'utf8')) as Schema;
    const text = await readFile(`${CHART}/values.yaml`, 'utf8');
    assert.deepEqual(
      keysOf(parse(text), schema),
      keysOfSchema(schema, schema).filter((key) => !OPTIONAL.test(key)),
    );
    const undocumented = text.split('\n').filter((line, index, lines) => isAlone(line, lines[index - 1] ?? ''));
    assert.deepEqual(undocumented, []);
  });
});

describe('what the injector may do', { skip: missing ?? false }, () => {
  it('with its own certificates: its Secret and Lease, which are there already, and its webhook; nothing else', async () => {
    const manifests = await render();
    assert.deepEqual(only(manifests, 'Role').rules, [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['keyside-injector-certificate'], verbs: ['get', 'update'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['keyside-injector'],
        verbs: ['get', 'update'],
      },
    ]);
    assert.deepEqual(only(manifests, 'ClusterRole').rules, [
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: ['keyside-injector'],
        verbs: ['get', 'patch'],
      },
    ]);
  });

  it('is held to the caBundle of its webhook by a policy that names its account', async () => {
    for (const [title, account] of [
      ['nothing said', 'system:serviceaccount:keyside:keyside-injector'],
      ['other names and another namespace', 'system:serviceaccount:security:kms-injector'],
    ] as const) {
      const manifests = await render(VALUE_SETS[title]);
      const policy = manifests.find(
        ({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && /-webhook$/.test(metadata.name),
      );
      assert.equal(policy?.spec.matchConditions[0].expression, `request.userInfo.username == '${account}'`);
    }
  });

  for (const title of ['cert-manager', 'a Secret that is there']) {
    it(`${title}: nothing at all, and it has no token to do it with`, async () => {
      const manifests = await render(VALUE_SETS[title]);
      assert.deepEqual(
        manifests.filter(({ kind }) => ROLE_KINDS.includes(kind) || kind === 'Lease'),
        [],
      );
      assert.equal(only(manifests, 'Deployment').spec.template.spec.automountServiceAccountToken, false);
      assert.deepEqual(only(manifests, 'NetworkPolicy').spec.egress, []);
      assert.equal(only(manifests, 'ValidatingAdmissionPolicy').metadata.name, 'keyside-injector');
    });
  }

  it('is asked by anybody, or by those that networkPolicy.webhookFrom names', async () => {
    const ingress = async (release: Release) => only(await render(release), 'NetworkPolicy').spec.ingress[0];
    assert.deepEqual(await ingress({}), { ports: [{ port: 'webhook', protocol: 'TCP' }] });
    const webhookFrom = [{ ipBlock: { cidr: '10.0.0.0/28' } }];
    assert.deepEqual((await ingress({ values: { networkPolicy: { webhookFrom } } })).from, webhookFrom);
  });

  it('names no field that the injector fills in, so that no upgrade resets it', async () => {
    const manifests = await render();
    assert.deepEqual(Object.keys(only(manifests, 'Secret')).sort(), ['apiVersion', 'kind', 'metadata', 'type']);
    assert.deepEqual(Object.keys(only(manifests, 'Lease')).sort(), ['apiVersion', 'kind', 'metadata']);
    const [webhook] = only(manifests, 'MutatingWebhookConfiguration').webhooks;
    assert.deepEqual(Object.keys(webhook.clientConfig), ['service']);
  });

  it('leaves nothing behind: no hooks, and nothing that is kept', async () => {
    for (const release of Object.values(VALUE_SETS))
      assert.doesNotMatch(await renderText(release), /helm\.sh\/(hook|resource-policy)/);
  });
});

describe('versions of Kubernetes', { skip: missing ?? false }, () => {
  it('refuses one that knows no matchConditions', () => assert.rejects(renderText({ kubernetes: '1.27' }), /kubeVersion/));

  it('refuses to leave the policy out unsaid where none is served', async () => {
    await assert.rejects(renderText({ kubernetes: '1.29' }), /set policy\.enabled to false, and webhook\.failurePolicy to Fail/);
    const manifests = await render({ kubernetes: '1.29', values: { policy: { enabled: false } } });
    assert.ok(!manifests.some(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy')));
  });

  it('takes the older form of the policy where a cluster serves that', async () => {
    const policies = (await render({ ...OLD_WITH_POLICY })).filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    assert.deepEqual(
      policies.map(({ apiVersion }) => apiVersion),
      ['admissionregistration.k8s.io/v1beta1', 'admissionregistration.k8s.io/v1beta1'],
    );
  });

  it('lets the injector ask for the version where it can, and else decides by what Helm knows', async () => {
    const nativeSidecars = async (release: Release) => configOf(await render(release)).sidecar.nativeSidecars;
    const files = VALUE_SETS['cert-manager']?.values as object;
    const old = { kubernetes: '1.28', values: { ...files, policy: { enabled: false } } };
    assert.deepEqual(
      [await nativeSidecars({}), await nativeSidecars({ values: files }), await nativeSidecars(old)],
      ['auto', 'on', 'off'],
    );
  });
});

function configOf(manifests: readonly Manifest[]): InjectorConfig {
  const config = manifests.find(({ kind, data }) => kind === 'ConfigMap' && data['injector.yaml'] !== undefined);
  return parseInjectorConfig(config?.data['injector.yaml'], '/etc/keyside-injector/injector.yaml');
}

/** That objects which name one another do exist, and that the ports are the same everywhere. */
function assertReferences(manifests: readonly Manifest[], { certificates, listen }: InjectorConfig): void {
  const has = (kind: string, name: string) => manifests.some((each) => each.kind === kind && each.metadata.name === name);
  const [service, deployment] = [only(manifests, 'Service'), only(manifests, 'Deployment')];
  const [webhook] = only(manifests, 'MutatingWebhookConfiguration').webhooks;
  const { namespace } = service.metadata;
  assert.deepEqual(webhook.clientConfig.service, { name: service.metadata.name, namespace, path: '/mutate', port: 443 });
  const [{ ports }] = deployment.spec.template.spec.containers;
  assert.deepEqual(
    ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort]),
    [
      ['webhook', listen.webhook.port],
      ['health', listen.http.port],
    ],
  );
  const labels = deployment.spec.template.metadata.labels;
  for (const selector of [
    service.spec.selector,
    deployment.spec.selector.matchLabels,
    only(manifests, 'NetworkPolicy').spec.podSelector.matchLabels,
  ])
    assert.deepEqual({ ...labels, ...selector }, labels);
  for (const { configMap } of deployment.spec.template.spec.volumes) if (configMap) assert.ok(has('ConfigMap', configMap.name));
  if (certificates.source !== 'self-made') return;
  assert.deepEqual([certificates.service, certificates.namespace], [service.metadata.name, namespace]);
  assert.ok(has('Secret', certificates.secret) && has('Lease', certificates.lease));
  assert.ok(has('MutatingWebhookConfiguration', certificates.webhookConfiguration));
}

/** What the profile `restricted` of Kubernetes' Pod Security Standards asks for, a read-only root and limits beside it. */
function assertRestricted(spec: Manifest): void {
  assert.deepEqual([spec.securityContext.runAsNonRoot, spec.securityContext.seccompProfile], [true, { type: 'RuntimeDefault' }]);
  assert.deepEqual([spec.hostNetwork, spec.hostPID, spec.hostIPC], [undefined, undefined, undefined]);
  for (const { securityContext, resources, volumeMounts } of spec.containers) {
    const { allowPrivilegeEscalation, privileged, readOnlyRootFilesystem, capabilities } = securityContext;
    assert.deepEqual([allowPrivilegeEscalation, privileged, readOnlyRootFilesystem], [false, false, true]);
    assert.deepEqual(capabilities, { drop: ['ALL'] });
    assert.ok(resources.requests.cpu && resources.requests.memory && resources.limits.memory);
    for (const { readOnly } of volumeMounts) assert.equal(readOnly, true);
  }
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Keys that only people write: of Helm itself, and of objects that Kubernetes defines. */
const OPTIONAL = /^global$|^resources\.claims$|namespaceSelector\.|^image\.pullSecrets\./;

/** Paths of all keys of the values that the schema describes one by one; what is a free map counts as one. */
function keysOf(values: Readonly<Record<string, unknown>>, schema: Schema, path = ''): string[] {
  return Object.entries(values)
    .flatMap(([key, value]) => {
      const below = schema.properties?.[key];
      const isSection = below?.properties !== undefined && !/namespaceSelector$|^resources$/.test(`${path}${key}`);
      return isSection ? keysOf(value as Record<string, unknown>, below, `${path}${key}.`) : [`${path}${key}`];
    })
    .sort();
}

function keysOfSchema(schema: Schema, root: Schema, path = ''): string[] {
  return Object.entries(schema.properties ?? {})
    .flatMap(([key, below]) => {
      const isSection = below.properties !== undefined && !/namespaceSelector$|^resources$/.test(`${path}${key}`);
      return isSection ? keysOfSchema(below, root, `${path}${key}.`) : [`${path}${key}`];
    })
    .sort();
}

/** A key of the first or second level that has neither a comment before it nor a key of its own level. */
function isAlone(line: string, before: string): boolean {
  return /^[a-z]\w*:/.test(line) && before.trim() === '';
}
