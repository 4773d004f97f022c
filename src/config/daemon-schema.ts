import * as z from 'zod';
import { MAX_FIELDS } from '../core/field-limits.ts';
import { countField, durationField, ID_WORDS, idField, pathField, REGION, REGION_WORDS, sizeField } from '../settings/fields.ts';
import { parseListenAddress } from './listen-address.ts';
import { sinksSchema } from './sink-schema.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

const OFF = 'off';

/** What a caller may be allowed to do; each stands for an RPC, and `rewrap-target` for choosing a rewrap's target key. */
export const CALLER_OPERATIONS = [
  'encrypt',
  'decrypt',
  'rewrap',
  'rewrap-target',
  'check-key',
  'list-keys',
  'drop-keys',
  'log-event',
] as const;

/** In a list of tenants or operations: all of them. */
export const ALL = '*';

const ADDRESS_WORDS = 'must be an address and a port, such as 127.0.0.1:7460, [::1]:7460 or localhost:7460, or off';

function addressField(description: string) {
  return z
    .string({ error: (issue) => (issue.input === undefined ? undefined : ADDRESS_WORDS) })
    .meta({ description, kind: 'address' })
    .transform((text, context) => {
      const address = text === OFF ? undefined : parseListenAddress(text);
      if (address === undefined && text !== OFF) context.addIssue({ code: 'custom', message: ADDRESS_WORDS });
      return address;
    });
}

const tlsSchema = z.strictObject({
  certificateFile: pathField("The daemon's certificate and its chain, PEM."),
  privateKeyFile: pathField("The certificate's private key, PEM."),
  clientCaFile: pathField('The authorities that clients must have a certificate of, PEM.'),
});

const listenSchema = z.strictObject({
  tcp: addressField('Address of the API, or `off`. One that other machines can reach needs `tls`.').prefault('127.0.0.1:7460'),
  unix: z.string().default('').meta({
    description: 'Path of a Unix socket for the API; empty: none. Its folder gets mode 0750, the socket 0660.',
    isPath: true,
    kind: 'path',
  }),
  http: addressField('Address of `/livez`, `/readyz` and `/metrics`, or `off`. Shows no tenant unless told to.').prefault(
    '127.0.0.1:7461',
  ),
  tls: tlsSchema.optional().meta({ description: 'Mutual TLS on `tcp`: clients without a certificate are turned away.' }),
});

/** One entry of `callers`. */
export const callerSchema = z.strictObject({
  id: idField('Who it is, in policies and in the audit trail. `anonymous` is taken.'),
  tokenFile: pathField('File with the bearer token; read again when it changes.'),
  tenants: z
    .array(z.string().regex(/^(?:\*|[A-Za-z0-9._:@-]{1,128})$/, { error: `${ID_WORDS}, or ${ALL}` }))
    .min(1)
    .meta({ description: "The ids of the tenants whose data it may use, or `['*']` for all." }),
  operations: z
    .array(z.enum([...CALLER_OPERATIONS, ALL]))
    .min(1)
    .meta({ description: "What it may do, or `['*']` for everything." }),
});

const limitsSchema = z.strictObject({
  maxDocumentBytes: sizeField({
    description: 'Largest document: all fields of one document together, before encryption.',
    min: KIB,
    max: 64 * MIB,
  }).prefault('3MiB'),
  maxFields: countField({ description: 'Most fields in one document.', min: 1, max: MAX_FIELDS }).default(10_000),
  maxBatchDocuments: countField({ description: 'Most documents in one batch.', min: 1, max: 100_000 }).default(1_000),
  maxConcurrentCalls: countField({
    description: 'Calls worked on at once; more are answered OVERLOADED.',
    min: 1,
    max: 100_000,
  }).default(512),
  maxConcurrentCallsPerTenant: countField({
    description: "Calls of one tenant worked on at once: its slow KMS must not take the others' places.",
    min: 1,
    max: 100_000,
  }).default(128),
  maxConcurrentCallsPerCaller: countField({
    description: 'Calls of one caller that is known by its token worked on at once.',
    min: 1,
    max: 100_000,
  }).default(256),
  maxBytesInFlight: sizeField({
    description:
      'Memory of all calls together: requests that arrive or are worked on, and replies that were not taken yet. Each call counts for 64 KiB at least, a message of more than 16 KiB for twice its size, in streams three times, and many small fields for more. Beyond it calls are answered OVERLOADED before their message is read.',
    min: 32 * MIB,
    max: 64 * GIB,
  }).prefault('256MiB'),
  maxBytesInFlightPerCaller: sizeField({
    description: 'The same of one caller that is known by its token.',
    min: 32 * MIB,
    max: 64 * GIB,
  }).prefault('128MiB'),
  maxConnections: countField({
    description: 'Connections open at once; more are closed as they come.',
    min: 1,
    max: 100_000,
  }).default(1_024),
  maxMessageBytes: sizeField({
    description: 'Largest message on the wire, beyond which the transport answers by itself; larger than a document.',
    min: 64 * KIB,
    max: 256 * MIB,
  }).prefault('8MiB'),
  defaultDeadline: durationField({
    description:
      'Deadline of calls that come without one; also how long the caller of a stream may send nothing, or take nothing.',
    min: 1,
    max: HOUR_MS,
  }).prefault('30s'),
  maxStreamAge: durationField({
    description: 'How long one stream may last, however busy it is. It must be enough for the largest object.',
    min: SECOND_MS,
    max: 168 * HOUR_MS,
  }).prefault('6h'),
});

const cacheSchema = z.strictObject({
  maxEntries: countField({ description: 'Most data keys kept for reading.', min: 1, max: 10_000_000 }).default(10_000),
  maxBytes: sizeField({ description: 'Most memory for them.', min: 64 * KIB, max: 64 * GIB }).prefault('16MiB'),
  negativeTtl: durationField({
    description: "How long a KMS's refusal of a wrapped key is remembered; 0s: not at all.",
    max: 60 * SECOND_MS,
  }).prefault('1s'),
});

const kmsSchema = z.strictObject({
  timeout: durationField({ description: 'Time for one KMS operation with all its retries.', min: 1, max: HOUR_MS }).prefault(
    '10s',
  ),
  attemptTimeout: durationField({ description: 'Time for one attempt; at most `timeout`.', min: 1, max: HOUR_MS }).prefault('3s'),
  maxConcurrent: countField({ description: 'Calls to one key at once.', min: 1, max: 10_000 }).default(32),
  maxQueued: countField({ description: 'Calls that wait for one key; more are answered OVERLOADED.', max: 100_000 }).default(256),
  maxAttempts: countField({ description: 'Attempts for one operation, the first included.', min: 1, max: 10 }).default(3),
});

export const auditSchema = z.strictObject({
  mode: z.enum(['required', 'async', 'off']).default('required').meta({
    description:
      '`required`: no call is answered before its record is on the disk; without the trail calls end in AUDIT_UNAVAILABLE. `async`: a record is on the disk `asyncWindow` after the answer at the latest, and those of that time are lost where the process dies. `off`: nothing is recorded, and no sink gets anything.',
  }),
  asyncWindow: durationField({
    description: 'In mode `async`, how long a record may wait to be written.',
    min: 1,
    max: 10 * SECOND_MS,
  }).prefault('200ms'),
  directory: pathField(
    'Folder of the spools, one for each process (`1`, `2`, …): records wait there for the sinks, and without sinks they are the trail. Made with mode 0700 where it is missing. On a disk that outlives the daemon; no two daemons share one.',
  ).default('audit'),
  maxBytes: sizeField({
    description:
      'Most disk for records, in each process. Beyond it the oldest that every sink has taken are deleted; where a sink has not, the trail is full, and calls end in AUDIT_UNAVAILABLE. At least four times `segmentBytes`.',
    min: 4 * MIB,
    max: 1024 * GIB,
  }).prefault('1GiB'),
  segmentBytes: sizeField({
    description: 'Size of one file of the spool; files are deleted as a whole.',
    min: MIB,
    max: GIB,
  }).prefault('16MiB'),
  maxAge: durationField({
    description: 'How long records stay that every sink has taken.',
    min: 60 * SECOND_MS,
    max: 366 * 24 * HOUR_MS,
  }).prefault('7d'),
  checkpointInterval: durationField({
    description: 'From one signed checkpoint to the next, while there are records.',
    min: SECOND_MS,
    max: 24 * HOUR_MS,
  }).prefault('60s'),
  signingKeyFile: pathField(
    'Ed25519 private key that checkpoints are signed with, PKCS#8 in PEM. Left out: `signing-key.pem` in the spool, made at its first start.',
  ).optional(),
  sinks: sinksSchema.meta({ description: "Where records go: all tenants', and the daemon's own." }),
});

/** The daemon's configuration file. What spans entries is checked beside it. */
export const daemonSchema = z
  .strictObject({
    listen: listenSchema.prefault({}).meta({ description: 'Where the daemon listens. At least one of `tcp` and `unix`.' }),
    tenants: pathField('The tenants file, or the folder of tenants files.'),
    region: z.string().regex(REGION, REGION_WORDS).optional().meta({
      description:
        "Where the daemon runs, in the words of the tenants' `allowedRegions` and the keys' `region`. A tenant with allowed regions is served only where this is one of them.",
    }),
    originKeyFiles: z
      .array(pathField('A file with one origin key: base64 of 32 to 128 bytes, mode 0600, e.g. of `openssl rand -base64 32`.'))
      .default([])
      .meta({
        description:
          'Secrets of the deployment that mark the wraps it made under RSA keys; needed for keys of provider azure and for RSA keys of provider pkcs11. The first one marks, every one is recognised: to rotate, put a new one first.',
      }),
    reload: z
      .strictObject({
        interval: durationField({
          description:
            'From one full scan of the tenants files to the next. Changes are mostly seen at once; this finds the others.',
          min: SECOND_MS,
          max: 24 * HOUR_MS,
        }).prefault('30s'),
      })
      .prefault({})
      .meta({ description: 'Reloading of tenants files.' }),
    callers: z
      .array(callerSchema)
      .default([])
      .meta({ description: 'Who may call, by bearer token. None: every caller is `anonymous` and may do everything.' }),
    limits: limitsSchema.prefault({}).meta({ description: 'What callers can ask for, one and all together.' }),
    cache: cacheSchema
      .prefault({})
      .meta({ description: 'Data keys in memory. How long they stay is the policy of each tenant.' }),
    kms: kmsSchema.prefault({}).meta({ description: "Calls to tenants' key services." }),
    sidecar: z
      .strictObject({
        processes: countField({
          description:
            'Processes that share the listeners, one core each. A connection stays in one process, and each has data keys, memory and KMS connections of its own: see docs/operations.md, "More than one process".',
          min: 1,
          max: 64,
        }).default(1),
      })
      .prefault({})
      .meta({ description: 'How the daemon runs.' }),
    drain: z
      .strictObject({
        timeout: durationField({ description: 'Time for running calls when the daemon is told to stop.', max: HOUR_MS }).prefault(
          '20s',
        ),
      })
      .prefault({})
      .meta({ description: 'Shutting down.' }),
    telemetry: z
      .strictObject({
        tenantLabels: countField({
          description: 'Most tenants that metrics tell apart; the others are counted together.',
          max: 10_000,
        }).default(50),
        metricsShowTenants: z.boolean().default(false).meta({ description: 'Whether `/metrics` names tenants.' }),
      })
      .prefault({})
      .meta({ description: 'Metrics. Exporters are set by the `OTEL_…` environment variables.' }),
    audit: auditSchema
      .prefault({})
      .meta({ description: 'The audit trail: a record of every use of a key, chained, signed and delivered.' }),
    reflection: z.boolean().default(true).meta({ description: 'Whether gRPC server reflection is served.' }),
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
  .meta({ title: 'Keyside configuration', description: 'The configuration of the Keyside daemon.' });

export type DaemonEntries = z.output<typeof daemonSchema>;
