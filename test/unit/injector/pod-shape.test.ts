import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPod } from '../../../src/injector/pod-shape.ts';
import { podOf } from '../../fakes/pods.ts';

const spec = (members: object) => ({ metadata: {}, spec: { containers: [{ name: 'app' }], ...members } });
const many = (length: number) => Array.from({ length }, (_, index) => ({ name: `n${index}` }));
const container = (members: object) => spec({ containers: [{ name: 'app', ...members }] });

describe('a pod of the right shape', () => {
  const cases: readonly { name: string; pod: unknown }[] = [
    { name: 'as Deployments make them', pod: podOf() },
    {
      name: 'with null for what is absent',
      pod: { metadata: { annotations: null, name: null }, spec: { containers: [], volumes: null, os: null } },
    },
    { name: 'with members that nobody knows yet', pod: spec({ resources: { limits: 3 }, future: [null] }) },
    { name: 'with defaults of an API server', pod: container({ env: [], volumeMounts: [], resources: {}, ports: null }) },
  ];
  for (const { name, pod } of cases) {
    it(`is taken: ${name}`, () => assert.deepEqual(readPod(pod), { pod }));
  }
});

describe('a pod of another shape', () => {
  const cases: readonly { pod: unknown; want: string }[] = [
    { pod: undefined, want: 'it must be an object' },
    { pod: null, want: 'it must be an object' },
    { pod: [], want: 'it must be an object' },
    { pod: 'pod', want: 'it must be an object' },
    { pod: {}, want: 'metadata must be an object' },
    { pod: { metadata: {} }, want: 'spec must be an object' },
    { pod: { metadata: {}, spec: {} }, want: 'spec.containers must be a list' },
    { pod: { metadata: { annotations: [] }, spec: {} }, want: 'metadata.annotations must be an object' },
    {
      pod: { metadata: { annotations: { 'keyside.dev/inject': true } }, spec: {} },
      want: 'metadata.annotations["keyside.dev/inject"] must be a text',
    },
    { pod: { metadata: { ownerReferences: [{}] }, spec: {} }, want: 'metadata.ownerReferences[0].kind must be a text' },
    { pod: spec({ containers: {} }), want: 'spec.containers must be a list' },
    { pod: spec({ containers: [null] }), want: 'spec.containers[0] must be an object' },
    { pod: spec({ initContainers: [{ name: 1 }] }), want: 'spec.initContainers[0].name must be a text' },
    { pod: spec({ ephemeralContainers: 'x' }), want: 'spec.ephemeralContainers must be a list' },
    { pod: container({ env: [{ value: 'x' }] }), want: 'spec.containers[0].env[0].name must be a text' },
    { pod: container({ volumeMounts: [{ name: 'x' }] }), want: 'spec.containers[0].volumeMounts[0].mountPath must be a text' },
    { pod: container({ volumeDevices: [7] }), want: 'spec.containers[0].volumeDevices[0] must be an object' },
    {
      pod: container({ ports: [{ containerPort: '7461' }] }),
      want: 'spec.containers[0].ports[0].containerPort must be a number',
    },
    { pod: container({ resources: { limits: [] } }), want: 'spec.containers[0].resources.limits must be an object' },
    { pod: container({ args: [1] }), want: 'spec.containers[0].args[0] must be a text' },
    { pod: container({ command: 'sh' }), want: 'spec.containers[0].command must be a list' },
    { pod: container({ securityContext: [] }), want: 'spec.containers[0].securityContext must be an object' },
    { pod: container({ livenessProbe: { exec: 1 } }), want: 'spec.containers[0].livenessProbe.exec must be an object' },
    { pod: spec({ containers: many(257) }), want: 'spec.containers must have at most 256 entries' },
    { pod: spec({ initContainers: many(257) }), want: 'spec.initContainers must have at most 256 entries' },
    { pod: spec({ volumes: many(1_025) }), want: 'spec.volumes must have at most 1024 entries' },
    { pod: container({ env: many(1_025) }), want: 'spec.containers[0].env must have at most 1024 entries' },
    {
      pod: container({ volumeMounts: many(1_025) }),
      want: 'spec.containers[0].volumeMounts must have at most 1024 entries',
    },
    { pod: spec({ nodeSelector: { ...many(4_097) } }), want: 'spec.nodeSelector must have at most 4096 members' },
    { pod: spec({ volumes: [{}] }), want: 'spec.volumes[0].name must be a text' },
    { pod: spec({ securityContext: 'x' }), want: 'spec.securityContext must be an object' },
    { pod: spec({ nodeSelector: { a: 1 } }), want: 'spec.nodeSelector.a must be a text' },
    { pod: spec({ os: {} }), want: 'spec.os.name must be a text' },
    { pod: spec({ hostNetwork: 'yes' }), want: 'spec.hostNetwork must be true or false' },
    { pod: spec({ terminationGracePeriodSeconds: '30' }), want: 'spec.terminationGracePeriodSeconds must be a number' },
  ];
  for (const { pod, want } of cases) {
    it(`is named: ${want}`, () => assert.deepEqual(readPod(pod), { fault: want }));
  }
});
