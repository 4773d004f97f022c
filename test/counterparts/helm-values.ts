import type { Release } from './helm-chart.ts';

const EVERYTHING_MONITORED = {
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  podMonitor: { enabled: true, namespaceSelector: { matchNames: ['shop', 'billing'] } },
  rules: { enabled: true, labels: { release: 'prometheus' } },
  dashboards: { enabled: true, annotations: { grafana_folder: 'Keyside' } },
};
const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** Values that people install with, by what they are for. */
export const VALUE_SETS: Readonly<Record<string, Release>> = {
  'nothing said': {},
  'cert-manager': { values: { certificates: { mode: 'cert-manager' } } },
  'an issuer of cert-manager': {
    values: { certificates: { mode: 'cert-manager', certManager: { issuerRef: { name: 'corporate', kind: 'ClusterIssuer' } } } },
  },
  'a Secret that is there': {
    values: { certificates: { mode: 'existing-secret', existingSecret: { name: 'injector-tls', caBundle: 'LS0tLS0=' } } },
  },
  'one replica': { values: { replicas: 1 } },
  'no policy': { values: { policy: { enabled: false }, webhook: { failurePolicy: 'Fail' } } },
  monitoring: { values: { monitoring: EVERYTHING_MONITORED } },
  'other names and another namespace': {
    name: 'prod',
    namespace: 'security',
    values: { nameOverride: 'kms', commonLabels: { team: 'crypto' }, serviceAccount: { create: false, name: 'kms-injector' } },
  },
  'a private registry': {
    values: {
      image: { repository: 'registry.example.com:5000/keyside', digest: DIGEST, pullSecrets: [{ name: 'registry' }] },
      sidecar: { image: { repository: 'registry.example.com:5000/keyside-sidecar', tag: '1.2.3', pullPolicy: 'Always' } },
    },
  },
  'plain containers': { values: { sidecar: { nativeSidecars: 'off', plainDrainSeconds: 25 } } },
  OpenShift: { values: { userId: 'namespace', sidecar: { userId: 'namespace', fsGroup: 'namespace' } } },
  'everything on': {
    values: {
      fullnameOverride: 'kms',
      replicas: 5,
      podLabels: { cost: 'platform' },
      podAnnotations: { 'example.com/owner': 'crypto' },
      nodeSelector: { pool: 'system' },
      tolerations: [{ key: 'system', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'system-cluster-critical',
      listen: { host: '[::]', webhookPort: 9443, healthPort: 9080 },
      logLevel: 'debug',
      serviceAccount: { annotations: { a: 'b' } },
      sidecar: { httpHost: '[::]', resources: { cpuRequest: '200m', cpuLimit: '2', memoryLimit: '1Gi' }, auditSize: '10Gi' },
      webhook: {
        timeoutSeconds: 3,
        excludedNamespaces: ['istio-system'],
        namespaceSelector: {
          matchLabels: { 'keyside.dev/injection': 'enabled' },
          matchExpressions: [{ key: 'environment', operator: 'In', values: ['production'] }],
        },
      },
      certificates: { selfMade: { authorityLifetime: '730d', certificateLifetime: '7d' } },
      policy: { actions: ['Deny', 'Audit'] },
      networkPolicy: {
        apiServer: { cidrs: ['10.0.0.0/28'] },
        metricsFrom: [],
        webhookFrom: [{ ipBlock: { cidr: '10.0.0.0/28' } }],
      },
      monitoring: EVERYTHING_MONITORED,
    },
  },
};

/** Values that must not be taken, and what the refusal must name. */
export const BAD_VALUES: readonly (readonly [values: object, named: RegExp])[] = [
  [{ replica: 2 }, /'replica'/],
  [{ replicas: 0 }, /\/replicas/],
  [{ image: { repository: 'keyside:1.0' } }, /\/image\/repository/],
  [{ image: { digest: 'sha256:12' } }, /\/image\/digest/],
  [{ image: { pullPolicy: 'always' } }, /\/image\/pullPolicy/],
  [{ sidecar: { nativeSidecars: true } }, /\/sidecar\/nativeSidecars/],
  [{ sidecar: { resources: { memory: '1Gi' } } }, /'memory'/],
  [{ sidecar: { resources: { memoryLimit: '1 GB' } } }, /\/sidecar\/resources\/memoryLimit/],
  [{ sidecar: { userId: 0 } }, /\/sidecar\/userId/],
  [{ listen: { webhookPort: 443 } }, /\/listen\/webhookPort/],
  [{ webhook: { failurePolicy: 'Skip' } }, /\/webhook\/failurePolicy/],
  [{ webhook: { timeoutSeconds: 31 } }, /\/webhook\/timeoutSeconds/],
  [{ certificates: { mode: 'vault' } }, /\/certificates\/mode/],
  [{ certificates: { mode: 'existing-secret' } }, /\/certificates\/existingSecret\/(name|caBundle)/],
  [{ certificates: { selfMade: { authorityLifetime: 'a year' } } }, /\/certificates\/selfMade\/authorityLifetime/],
  [{ policy: { actions: ['Deny', 'Warn'] } }, /\/policy\/actions/],
  [{ policy: { actions: [] } }, /\/policy\/actions/],
  [{ networkPolicy: { webhookFrom: ['10.0.0.0/28'] } }, /\/networkPolicy\/webhookFrom/],
  [{ networkPolicy: { apiServer: { cidrs: ['10.0.0.1'] } } }, /\/networkPolicy\/apiServer\/cidrs/],
  [{ monitoring: { podMonitor: { namespaces: [] } } }, /'namespaces'/],
];
