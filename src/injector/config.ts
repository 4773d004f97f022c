import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { ConfigurationError, type ConfigurationFault, fileFault } from '../config/fault.ts';
import { decodeText, problemOf } from '../config/file-problem.ts';
import { checkSchema } from '../config/issue-faults.ts';
import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { pathFieldsOf, resolvePaths } from '../config/path-fields.ts';
import { asMapping } from '../config/raw-value.ts';
import { readYaml, type YamlSource } from '../config/yaml-source.ts';
import { countField, durationField, pathField } from '../settings/fields.ts';
import { AUDIT_SIZE, CPU, isQuantityOf, MEMORY, parseQuantity, type QuantityRange } from './quantity.ts';
import { DEFAULT_SETTINGS, type InjectionSettings } from './settings.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** In place of a number of a user or group: whatever the namespace gives the pod. */
const OF_NAMESPACE = 'namespace';
const MAX_ID = 2 ** 31 - 1;

const ADDRESS_WORDS = 'must be an address and a port, such as 0.0.0.0:8443 or [::]:8443';
const ID_WORDS = `must be a number from 1 to ${MAX_ID}, or ${OF_NAMESPACE}`;
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/;
/** Kubernetes' names of objects (RFC 1123 subdomain) and of Services and namespaces (RFC 1123 label). */
const OBJECT_NAME = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const HTTP_HOST = /^(?:(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-fA-F:.]{2,45}\])$/;

/** Keeps the general word for what is missing. */
const unlessMissing = (words: string) => (issue: { readonly input?: unknown }) => (issue.input === undefined ? undefined : words);

function listenField(description: string) {
  return z
    .string({ error: unlessMissing(ADDRESS_WORDS) })
    .meta({ description, kind: 'address' })
    .transform((text, context): ListenAddress => {
      const address = parseListenAddress(text);
      if (address !== undefined) return address;
      context.addIssue({ code: 'custom', message: ADDRESS_WORDS });
      return z.NEVER;
    });
}

function quantityField(range: QuantityRange, description: string) {
  return z
    .string({ error: unlessMissing(range.words) })
    .refine((text) => isQuantityOf(range, text), { error: range.words })
    .meta({ description, kind: 'quantity' });
}

function nameField(pattern: RegExp, description: string) {
  return z.string().regex(pattern, { error: 'is no name of such an object of Kubernetes' }).meta({ description, kind: 'name' });
}

function idField(description: string) {
  return z
    .union([z.int().min(1).max(MAX_ID), z.literal(OF_NAMESPACE)], { error: unlessMissing(ID_WORDS) })
    .meta({ description, kind: 'id or `namespace`', range: `1 to ${MAX_ID}` });
}

const { resources: RESOURCES } = DEFAULT_SETTINGS;

const resourcesSchema = z.strictObject({
  cpuRequest: quantityField(CPU, 'Request of processor time.').default(RESOURCES.cpuRequest),
  cpuLimit: quantityField(CPU, 'Limit of processor time. Left out: none.').optional(),
  memoryRequest: quantityField(MEMORY, 'Request of memory.').default(RESOURCES.memoryRequest),
  memoryLimit: quantityField(MEMORY, 'Limit of memory.').default(RESOURCES.memoryLimit),
});

const sidecarSchema = z.strictObject({
  image: z
    .string()
    .regex(IMAGE, { error: 'must be an image: repository and tag or digest' })
    .meta({ description: "The sidecar's image, with its tag or digest.", kind: 'image' }),
  imagePullPolicy: z
    .enum(['Always', 'IfNotPresent', 'Never'])
    .default(DEFAULT_SETTINGS.imagePullPolicy)
    .meta({ description: 'When nodes pull it.' }),
  nativeSidecars: z.enum(['auto', 'on', 'off']).default('auto').meta({
    description:
      'Whether the sidecar is an init container that stays (Kubernetes 1.29 and newer) or one more container. `auto` asks the API server for its version at the start, and takes `on` where it cannot.',
  }),
  userId: idField('User and group that the sidecar runs as; `namespace`: as the namespace has it, as on OpenShift.').default(
    DEFAULT_SETTINGS.userId ?? OF_NAMESPACE,
  ),
  fsGroup: idField("The pod's `fsGroup` where it has none; `namespace`: as the namespace has it.").default(
    DEFAULT_SETTINGS.fsGroup ?? OF_NAMESPACE,
  ),
  httpHost: z
    .string()
    .regex(HTTP_HOST, { error: 'must be an IPv4 address, or an IPv6 address in brackets' })
    .default(DEFAULT_SETTINGS.httpHost)
    .meta({
      description: 'Where the sidecar answers probes and scrapes: `[::]` where pods have IPv6 addresses only.',
      kind: 'address',
    }),
  resources: resourcesSchema
    .prefault({})
    .meta({ description: 'What the sidecar asks of a node, where annotations say nothing.' }),
  auditSize: quantityField(
    AUDIT_SIZE,
    'Size limit of the volume with the audit trail, where the annotation says nothing. The daemon keeps to three quarters of it.',
  ).default(DEFAULT_SETTINGS.auditSize),
  plainDrainSeconds: countField({
    description:
      "How long a sidecar that is a plain container goes on serving while the pod's other containers end, in seconds. Less than the pod's `terminationGracePeriodSeconds`.",
    max: 3_600,
  }).default(DEFAULT_SETTINGS.plainDrainSeconds),
});

const filesSchema = z.strictObject({
  source: z.literal('files').meta({ description: 'Somebody else makes the certificate, such as cert-manager.' }),
  directory: pathField('Folder with `tls.crt` (the certificate and its chain) and `tls.key`, PEM: a Secret that is mounted.'),
  checkInterval: durationField({
    description: 'From one look at the files to the next.',
    min: 100,
    max: HOUR_MS,
  }).prefault('10s'),
});

const selfMadeSchema = z.strictObject({
  source: z.literal('self-made').meta({
    description: 'The injector is its own authority, and writes it into the webhook: one replica, the leader, for all of them.',
  }),
  namespace: nameField(LABEL, 'Namespace of the Service, the Secret and the Lease.'),
  service: nameField(LABEL, 'Service that the webhook is called by: the certificate is for `<service>.<namespace>.svc`.'),
  secret: nameField(
    OBJECT_NAME,
    'Secret that holds the authority and the certificate. Made where it is missing; filled where it is empty.',
  ),
  lease: nameField(OBJECT_NAME, 'Lease by which the replicas choose their leader. Made where it is missing.'),
  webhookConfiguration: nameField(OBJECT_NAME, 'MutatingWebhookConfiguration whose `caBundle` is kept.'),
  authorityLifetime: durationField({
    description:
      'How long an authority is good for. The next one is made when two thirds have passed, and both are trusted until the first ends.',
    min: 10 * SECOND_MS,
    max: 3_653 * DAY_MS,
  }).prefault('365d'),
  certificateLifetime: durationField({
    description:
      'How long a certificate is good for; the next one is made when two thirds have passed. At most a third of `authorityLifetime`.',
    min: 3 * SECOND_MS,
    max: 366 * DAY_MS,
  }).prefault('30d'),
  propagation: durationField({
    description:
      'How long an authority must have been in the `caBundle` before a certificate of its is served: the time that every API server may take to hear of it. At most a tenth of `certificateLifetime`.',
    min: 100,
    max: HOUR_MS,
  }).prefault('2m'),
  checkInterval: durationField({
    description: 'From one look at Secret and webhook to the next: so long does a `caBundle` stay that somebody has overwritten.',
    min: 100,
    max: HOUR_MS,
  }).prefault('10s'),
  leaderElection: z
    .strictObject({
      leaseDuration: durationField({
        description: 'How long the others wait for a leader that is not heard of.',
        min: SECOND_MS,
        max: HOUR_MS,
      }).prefault('15s'),
      renewDeadline: durationField({
        description: 'How long a leader goes on without having renewed its Lease. Less than `leaseDuration`.',
        min: 500,
        max: HOUR_MS,
      }).prefault('10s'),
      retryPeriod: durationField({
        description: 'From one try to the next. Less than half of `renewDeadline`.',
        min: 100,
        max: HOUR_MS,
      }).prefault('2s'),
    })
    .prefault({})
    .meta({ description: 'Times of the Lease.' }),
});

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The injector's configuration file. What spans entries is checked beside it. */
export const injectorSchema = z
  .strictObject({
    listen: z
      .strictObject({
        webhook: listenField('Address of the webhook: `/mutate`, over TLS.').prefault('0.0.0.0:8443'),
        http: listenField('Address of `/livez`, `/readyz` and `/metrics`.').prefault('0.0.0.0:8080'),
      })
      .prefault({})
      .meta({ description: 'Where the injector listens.' }),
    sidecar: sidecarSchema.meta({ description: 'What pods get that ask for it.' }),
    certificates: z
      .discriminatedUnion('source', [selfMadeSchema, filesSchema])
      .meta({ description: "Who makes the webhook's certificate." }),
    apiServer: z
      .strictObject({
        tokenFile: pathField('Token that proves who the injector is; read for each request.').default(`${SERVICE_ACCOUNT}/token`),
        caFile: pathField('Authorities of the API server, PEM.').default(`${SERVICE_ACCOUNT}/ca.crt`),
        timeout: durationField({ description: 'Time for one request.', min: 100, max: MINUTE_MS }).prefault('5s'),
      })
      .prefault({})
      .meta({
        description:
          'How the API server is spoken to, whose address the kubelet gives in `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. With `certificates.source: files` it is asked for nothing but its version, where `sidecar.nativeSidecars` is `auto`.',
      }),
    drain: z
      .strictObject({
        timeout: durationField({
          description: 'Time for running requests when the injector is told to stop.',
          max: HOUR_MS,
        }).prefault('10s'),
      })
      .prefault({})
      .meta({ description: 'Shutting down.' }),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error'])
          .default('info')
          .meta({ description: 'The least severe lines that are written.' }),
      })
      .prefault({})
      .meta({ description: 'The log on standard output, one JSON object a line.' }),
  })
  .meta({ title: 'Keyside injector configuration', description: "The configuration of Keyside's injector for Kubernetes." });

/** The file with every default filled in: durations in milliseconds, addresses parsed, paths absolute. */
export type InjectorConfig = z.output<typeof injectorSchema>;
export type SelfMadeConfig = z.output<typeof selfMadeSchema>;

const PATHS = pathFieldsOf(injectorSchema);

/**
 * Reads and checks the configuration file, synchronously: once, at start.
 * @throws {ConfigurationError} with every fault of the file, each with its line
 */
export function loadInjectorConfig(file: string): InjectorConfig {
  let text: string;
  try {
    text = decodeText(readFileSync(file));
  } catch (error) {
    throw new ConfigurationError([fileFault(file, problemOf(error))]);
  }
  return parseInjectorConfig(text, file);
}

/**
 * The same for a text. Relative paths in it are relative to the folder of `file`, which need not exist.
 * @throws {ConfigurationError}
 */
export function parseInjectorConfig(text: string, file: string): InjectorConfig {
  const source = readYaml(text, file);
  if (source.value === undefined) throw new ConfigurationError(source.faults);
  const { output, faults } = checkSchema(injectorSchema, source);
  const allFaults = [...source.faults, ...faults, ...checkAcross(source)];
  if (output === undefined || allFaults.length > 0) throw new ConfigurationError(allFaults);
  return resolvePaths(output, PATHS, dirname(resolve(file)));
}

/** What the operator decided for all pods, as the patch takes it. */
export function injectionSettings(
  { sidecar }: InjectorConfig,
  facts: { readonly version: string; readonly nativeSidecars: boolean },
): InjectionSettings {
  const { cpuLimit, ...resources } = sidecar.resources;
  return {
    ...facts,
    image: sidecar.image,
    imagePullPolicy: sidecar.imagePullPolicy,
    userId: sidecar.userId === OF_NAMESPACE ? undefined : sidecar.userId,
    fsGroup: sidecar.fsGroup === OF_NAMESPACE ? undefined : sidecar.fsGroup,
    httpHost: sidecar.httpHost,
    resources: { ...resources, cpuLimit },
    auditSize: sidecar.auditSize,
    plainDrainSeconds: sidecar.plainDrainSeconds,
  };
}

/** The checks that span several entries; sections that are at fault by themselves are the schema's to report. */
function checkAcross(source: YamlSource): ConfigurationFault[] {
  const file = asMapping(source.value);
  const resources = resourcesSchema.safeParse(asMapping(file.sidecar).resources ?? {});
  const certificates = selfMadeSchema.safeParse(file.certificates);
  const apiServer = injectorSchema.shape.apiServer.safeParse(file.apiServer);
  return [
    ...(resources.success ? resourceFaults(resources.data, source) : []),
    ...(certificates.success ? lifetimeFaults(certificates.data, source) : []),
    ...(certificates.success && apiServer.success ? writeFaults(certificates.data, apiServer.data.timeout, source) : []),
  ];
}

function resourceFaults(
  { cpuRequest, cpuLimit, memoryRequest, memoryLimit }: z.output<typeof resourcesSchema>,
  source: YamlSource,
) {
  const faults: ConfigurationFault[] = [];
  const check = (name: string, request: string, limit: string | undefined): void => {
    if (limit === undefined || (parseQuantity(request) ?? 0) <= (parseQuantity(limit) ?? 0)) return;
    faults.push(source.faultAt(['sidecar', 'resources', `${name}Request`], `must not be more than ${name}Limit`));
  };
  check('cpu', cpuRequest, cpuLimit);
  check('memory', memoryRequest, memoryLimit);
  return faults;
}

/** Bounds between times, without which a change of certificates would have moments that nobody trusts. */
function lifetimeFaults(config: SelfMadeConfig, source: YamlSource): ConfigurationFault[] {
  const { leaseDuration, renewDeadline, retryPeriod } = config.leaderElection;
  const rules: readonly [holds: boolean, path: readonly string[], message: string][] = [
    [
      config.certificateLifetime * 3 <= config.authorityLifetime,
      ['certificateLifetime'],
      'must be at most a third of authorityLifetime',
    ],
    [config.propagation * 10 <= config.certificateLifetime, ['propagation'], 'must be at most a tenth of certificateLifetime'],
    [
      config.checkInterval * 10 <= config.certificateLifetime,
      ['checkInterval'],
      'must be at most a tenth of certificateLifetime',
    ],
    [renewDeadline < leaseDuration, ['leaderElection', 'renewDeadline'], 'must be less than leaseDuration'],
    [retryPeriod * 2 < renewDeadline, ['leaderElection', 'retryPeriod'], 'must be less than half of renewDeadline'],
  ];
  return rules.filter(([holds]) => !holds).map(([, path, message]) => source.faultAt(['certificates', ...path], message));
}

/** What a leader began to write as the last of its time must have ended before another may lead. */
function writeFaults({ leaderElection }: SelfMadeConfig, timeoutMs: number, source: YamlSource): ConfigurationFault[] {
  if (timeoutMs <= leaderElection.leaseDuration - leaderElection.renewDeadline) return [];
  const message = 'must not be more than what certificates.leaderElection.leaseDuration is above renewDeadline';
  return [source.faultAt(['apiServer', 'timeout'], message)];
}
