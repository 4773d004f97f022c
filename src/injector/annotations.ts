/** All annotations begin with it. */
export const PREFIX = 'keyside.dev/';

export interface AnnotationDefinition {
  readonly name: string;
  /** In words, for people; undefined: there is none. */
  readonly byDefault: string | undefined;
  readonly help: string;
}

/** The sidecar's configuration where the annotation says nothing. */
export const DEFAULT_CONFIG_MAP = 'keyside';

/** Tenants and operations of a token where the annotations say nothing. */
export const DEFAULT_TENANTS = '*';
export const DEFAULT_OPERATIONS = 'encrypt,decrypt,rewrap,check-key,list-keys,log-event';

/** Every annotation that the injector reads or writes; the table in `docs/kubernetes.md` says the same. */
export const ANNOTATIONS = {
  inject: {
    name: `${PREFIX}inject`,
    byDefault: undefined,
    help: '`"true"` asks for the sidecar. `"false"`, or no annotation: the pod is left alone.',
  },
  config: {
    name: `${PREFIX}config`,
    byDefault: `\`${DEFAULT_CONFIG_MAP}\``,
    help: "ConfigMap of the pod's namespace with `keyside.yaml`; mounted at `/etc/keyside`, in the sidecar only.",
  },
  tenantsConfig: {
    name: `${PREFIX}tenants-config`,
    byDefault: undefined,
    help: "ConfigMap with the tenants' files; mounted at `/etc/keyside-tenants`, in the sidecar only.",
  },
  secret: {
    name: `${PREFIX}secret`,
    byDefault: undefined,
    help: "Secret with what the daemon's configuration names by path; mounted at `/etc/keyside-secrets`, in the sidecar only.",
  },
  containers: {
    name: `${PREFIX}containers`,
    byDefault:
      'the one that `kubectl.kubernetes.io/default-container` names, else the only one that is no proxy of a service mesh',
    help: 'Names of the containers that may call, with commas between them; init containers too. Written where it is missing.',
  },
  tenants: {
    name: `${PREFIX}tenants`,
    byDefault: `\`${DEFAULT_TENANTS}\``,
    help: "Ids of the tenants that the containers' tokens are good for, with commas between them, or `*` for all.",
  },
  tenantsOf: {
    name: `${PREFIX}tenants.<container>`,
    byDefault: `what \`${PREFIX}tenants\` says`,
    help: 'The same for one container.',
  },
  operations: {
    name: `${PREFIX}operations`,
    byDefault: `\`${DEFAULT_OPERATIONS}\``,
    help: "Operations that the containers' tokens are good for, as in `callers[].operations` of the configuration, or `*` for all.",
  },
  operationsOf: {
    name: `${PREFIX}operations.<container>`,
    byDefault: `what \`${PREFIX}operations\` says`,
    help: 'The same for one container.',
  },
  cpuRequest: {
    name: `${PREFIX}cpu-request`,
    byDefault: "the injector's, `100m`; no more than the limit",
    help: "The sidecar's request of processor time.",
  },
  cpuLimit: { name: `${PREFIX}cpu-limit`, byDefault: "the injector's, none", help: "The sidecar's limit of processor time." },
  memoryRequest: {
    name: `${PREFIX}memory-request`,
    byDefault: "the injector's, `128Mi`; no more than the limit",
    help: "The sidecar's request of memory.",
  },
  memoryLimit: {
    name: `${PREFIX}memory-limit`,
    byDefault: "the injector's, `512Mi`; no less than the request",
    help: "The sidecar's limit of memory.",
  },
  auditSize: {
    name: `${PREFIX}audit-size`,
    byDefault: "the injector's, `2Gi`",
    help: 'Size limit of the volume of the audit trail. The daemon keeps to three quarters of it.',
  },
  tokenAudiences: {
    name: `${PREFIX}token-audiences`,
    byDefault: undefined,
    help: "Tokens of the pod's service account for the sidecar only, at `/var/run/secrets/keyside/<name>/token`: `aws`, `azure`, or `name=audience`, with commas between them.",
  },
  status: {
    name: `${PREFIX}status`,
    byDefault: undefined,
    help: 'Written by the injector: `injected by keyside <version>`, or `left alone: <reason>`.',
  },
} as const satisfies Record<string, AnnotationDefinition>;

/** Audiences that go without saying. Google's names the customer's own pool: it is always written out. */
export const KNOWN_AUDIENCES: ReadonlyMap<string, string> = new Map([
  ['aws', 'sts.amazonaws.com'],
  ['azure', 'api://AzureADTokenExchange'],
]);
