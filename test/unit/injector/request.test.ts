import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InjectionRequest } from '../../../src/injector/request.ts';
import { readRequest } from '../../../src/injector/request.ts';
import type { SidecarResources } from '../../../src/injector/settings.ts';
import { SETTINGS, type ShortAnnotations } from '../../fakes/pods.ts';

function read(annotations: ShortAnnotations, resources: Partial<SidecarResources> = {}) {
  const named = Object.entries(annotations).map(
    ([name, value]) => [name.includes('/') ? name : `keyside.dev/${name}`, value] as const,
  );
  return readRequest(new Map(named), { ...SETTINGS, resources: { ...SETTINGS.resources, ...resources } });
}

function request(annotations: ShortAnnotations, resources: Partial<SidecarResources> = {}): InjectionRequest {
  const asked = read({ inject: 'true', ...annotations }, resources);
  assert.ok(asked.wants === 'sidecar', JSON.stringify(asked));
  return asked.request;
}

function faults(annotations: ShortAnnotations): readonly string[] {
  const asked = read(annotations);
  assert.ok(asked.wants === 'nonsense', JSON.stringify(asked));
  return asked.faults;
}

describe('annotations', () => {
  it('that do not ask are not looked at', () => {
    assert.deepEqual(read({}), { wants: 'nothing' });
    assert.deepEqual(read({ inject: 'false', nonsense: 'x' }), { wants: 'nothing' });
    assert.deepEqual(read({ config: 'other' }), { wants: 'nothing' });
  });

  it('have a default each', () => {
    assert.deepEqual(request({}), {
      configMap: 'keyside',
      tenantsConfigMap: undefined,
      secret: undefined,
      containers: undefined,
      tenants: { all: ['*'], byContainer: new Map() },
      operations: { all: ['encrypt', 'decrypt', 'rewrap', 'check-key', 'list-keys', 'log-event'], byContainer: new Map() },
      resources: SETTINGS.resources,
      auditSize: '2Gi',
      identityTokens: [],
    });
  });

  it('are all read', () => {
    const all = request({
      config: 'shop-keyside',
      'tenants-config': 'shop-tenants',
      secret: 'shop-secrets',
      containers: 'app,worker',
      tenants: 'acme,globex',
      'tenants.worker': 'acme',
      operations: 'encrypt',
      'operations.worker': '*',
      'cpu-request': '250m',
      'cpu-limit': '2',
      'memory-request': '256Mi',
      'memory-limit': '1Gi',
      'audit-size': '5Gi',
      'token-audiences': 'aws',
      status: 'whatever was left by a copy',
      'kubectl.kubernetes.io/default-container': 'app',
    });
    assert.deepEqual(all, {
      configMap: 'shop-keyside',
      tenantsConfigMap: 'shop-tenants',
      secret: 'shop-secrets',
      containers: ['app', 'worker'],
      tenants: { all: ['acme', 'globex'], byContainer: new Map([['worker', ['acme']]]) },
      operations: { all: ['encrypt'], byContainer: new Map([['worker', ['*']]]) },
      resources: { cpuRequest: '250m', cpuLimit: '2', memoryRequest: '256Mi', memoryLimit: '1Gi' },
      auditSize: '5Gi',
      identityTokens: [{ name: 'aws', audience: 'sts.amazonaws.com' }],
    });
  });

  it('that are wrong are all named at once', () => {
    assert.deepEqual(faults({ inject: 'yes', config: 'A', 'memory-limit': '512m', tenant: 'acme' }), [
      'keyside.dev/inject must be "true" or "false", not "yes"',
      'keyside.dev/tenant is not known',
      'keyside.dev/config must be the name of a ConfigMap, not "A"',
      'keyside.dev/memory-limit must be a quantity of bytes from 64Mi to 1Ti, such as 512Mi, not "512m"',
    ]);
  });

  for (const inject of ['', 'True', 'TRUE', 'yes', '1', 'enabled', ' true']) {
    it(`refuse inject: ${JSON.stringify(inject)}`, () => assert.match(faults({ inject })[0] ?? '', /must be "true" or "false"/));
  }

  for (const name of ['unknown', 'Config', 'tenants.', 'tenants.App', 'operations.-x', 'injected', 'constructor', '__proto__']) {
    it(`refuse keyside.dev/${name} by name`, () => {
      assert.deepEqual(faults({ inject: 'true', [`keyside.dev/${name}`]: 'x' }), [`keyside.dev/${name} is not known`]);
    });
  }

  it('of others are left to them', () => {
    assert.ok(request({ 'keyside.development/x': '1', 'sidecar.istio.io/inject': 'true' }));
  });

  it('of one container are judged as those of all', () => {
    assert.match(
      faults({ inject: 'true', 'operations.app': 'fly' })[0] ?? '',
      /^keyside.dev\/operations.app "fly" is no operation/,
    );
  });
});

describe('resources', () => {
  const cases: readonly {
    name: string;
    annotations: ShortAnnotations;
    settings?: Partial<SidecarResources>;
    want: Partial<SidecarResources>;
  }[] = [
    {
      name: 'a limit below the default request lowers it',
      annotations: { 'cpu-limit': '50m' },
      want: { cpuRequest: '50m', cpuLimit: '50m' },
    },
    {
      name: 'a request above the default limit raises it',
      annotations: { 'memory-request': '1Gi' },
      want: { memoryRequest: '1Gi', memoryLimit: '1Gi' },
    },
    {
      name: 'a request above the default limit of processor time raises it',
      annotations: { 'cpu-request': '2' },
      settings: { cpuLimit: '1' },
      want: { cpuRequest: '2', cpuLimit: '2' },
    },
    {
      name: 'without a default limit there is none',
      annotations: { 'cpu-request': '2' },
      want: { cpuRequest: '2', cpuLimit: undefined },
    },
    {
      name: 'equal ones stay',
      annotations: { 'memory-request': '512Mi', 'memory-limit': '0.5Gi' },
      want: { memoryRequest: '512Mi', memoryLimit: '0.5Gi' },
    },
  ];
  for (const { name, annotations, settings, want } of cases) {
    it(name, () => {
      const { resources } = request(annotations, settings);
      for (const [field, value] of Object.entries(want)) assert.equal(resources[field as keyof SidecarResources], value, field);
    });
  }

  it('are refused where the annotations contradict each other', () => {
    assert.deepEqual(
      faults({ inject: 'true', 'cpu-request': '2', 'cpu-limit': '1', 'memory-request': '2Gi', 'memory-limit': '1Gi' }),
      ['keyside.dev/cpu-request is above keyside.dev/cpu-limit', 'keyside.dev/memory-request is above keyside.dev/memory-limit'],
    );
  });
});
