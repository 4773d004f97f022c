import * as z from 'zod';
import { countField, durationField, idField, REGION, REGION_WORDS, sizeField } from '../settings/fields.ts';
import { CONFIGURED_PROVIDERS, SETTINGS_BLOCKS } from './provider-settings.ts';
import { sinksSchema } from './sink-schema.ts';

const HOUR_MS = 3_600_000;
const GIB = 2 ** 30;

/** Most labels that one policy may declare, and most keys that one tenant may have: what a slice for the main thread can carry. */
export const MAX_LABELS = 1_000;
const MAX_KEYS = 256;
/** Most wraps of one data key (docs/format.md, section 3). */
export const MAX_WRAPS = 16;

const custodySchema = z.enum(['customer', 'vendor', 'local']);

export const keySchema = z
  .strictObject({
    id: idField('Stored with the data: unique in the deployment, never changed, never used again for another key.'),
    provider: z
      .enum(CONFIGURED_PROVIDERS)
      .meta({ description: 'The kind of KMS; its settings stand in the block of the same name.' }),
    state: z.enum(['primary', 'active', 'disabled']).default('active').meta({
      description:
        '`primary` encrypts and decrypts (at most one key of a tenant), `active` decrypts, `disabled` is refused before any KMS is asked.',
    }),
    custody: custodySchema.optional().meta({
      description: 'Who holds the key. Left out: `local` for provider local, `vendor` for a key of `vendor`, else `customer`.',
    }),
    region: z.string().regex(REGION, REGION_WORDS).optional().meta({
      description:
        "Where the key is, in the words of `allowedRegions`. Of alternatives, the one in the daemon's own region is asked first.",
    }),
    ...SETTINGS_BLOCKS,
  })
  .meta({ description: 'One key of a tenant. Exactly the block that is named like the provider holds its settings.' });

const keysSchema = z.array(keySchema).max(MAX_KEYS);

const leaseSchema = z.strictObject({
  ttl: durationField({
    builtIn: '5m',
    description: 'How long one data key encrypts new documents.',
    min: 1,
    max: HOUR_MS,
  }).optional(),
  maxDocuments: countField({
    builtIn: '1048576',
    description: 'How many documents one data key encrypts.',
    min: 1,
    max: 2 ** 32,
  }).optional(),
  maxBytes: sizeField({
    builtIn: '64GiB',
    description: 'How many bytes one data key encrypts.',
    min: 1,
    max: 1024 * GIB,
  }).optional(),
});

const cacheSchema = z.strictObject({
  ttl: durationField({
    builtIn: '60s',
    description: 'How long a data key may be read with after the KMS last proved it; 0s: every read asks the KMS.',
    max: HOUR_MS,
  }).optional(),
  outageLimit: durationField({
    description:
      'How long after the last proof reading goes on while the KMS cannot be reached, and for nothing else. At least the ttl, which it is where it is left out.',
    max: 24 * HOUR_MS,
  }).optional(),
});

const labelPolicySchema = z.strictObject({
  protection: z.enum(['lease', 'document']).optional().meta({
    builtIn: 'lease',
    description: '`lease`: many documents share one data key; `document`: each has its own data key and its own KMS call.',
  }),
  lease: leaseSchema.optional().meta({ description: 'Limits of one lease.' }),
  cache: cacheSchema.optional().meta({ description: 'How long data keys stay in memory for reading.' }),
  allowedCallers: z
    .array(idField('The id of a caller of the daemon configuration.'))
    .optional()
    .meta({ description: 'The callers that may use the data; left out: all; empty: none.' }),
  allowedPurposes: z
    .array(z.string().min(1))
    .optional()
    .meta({ description: 'The purposes of which a request must state one; left out: any or none.' }),
});

export const policySchema = z.strictObject({
  default: labelPolicySchema.prefault({}).meta({ description: 'For every label that is not declared below.' }),
  labels: z
    .record(z.string(), labelPolicySchema)
    .default({})
    .meta({ description: 'The declared labels, of at most 1,024 bytes each. What a label leaves out is as in `default`.' }),
});

export const tenantSchema = z.strictObject({
  keys: keysSchema.default([]).meta({ description: "The tenant's own keys. None: the keys of `vendor` serve." }),
  minimumCustody: custodySchema.default('local').meta({
    description:
      "The lowest custody of a key that the tenant's data may be written or read under: customer, then vendor, then local.",
  }),
  wrap: z
    .strictObject({
      shares: z
        .array(z.array(idField('The id of one of the keys.')).min(1).max(MAX_WRAPS))
        .min(1)
        .max(MAX_WRAPS)
        .meta({
          description:
            'A list for each share. One: every key in it opens alone (alternatives: another region, another KMS). Several: a key of each list is needed (split: customer and vendor).',
        }),
    })
    .optional()
    .meta({ description: 'Under which keys new data is wrapped. Left out: under the primary key alone.' }),
  minimumShares: countField({
    description: 'How many keys must at least be needed to open data, for writing and reading.',
    min: 1,
    max: MAX_WRAPS,
  }).default(1),
  allowedRegions: z.array(z.string().regex(REGION, REGION_WORDS)).min(1).optional().meta({
    description:
      "Where the tenant's keys and the daemons that serve it may be. A key or daemon elsewhere, or without a region, is refused before any KMS is asked. Left out: anywhere.",
  }),
  policy: policySchema.optional().meta({
    description: 'How data is protected. Left out: the `policy` of the deployment; given: nothing of that is taken over.',
  }),
  audit: z
    .strictObject({
      sinks: sinksSchema.meta({
        description: "Where this tenant's records go, and no other tenant's; beside the sinks of the daemon's file.",
      }),
    })
    .prefault({})
    .meta({ description: "The tenant's own copy of its audit trail." }),
});

const vendorSchema = z.strictObject({ keys: keysSchema.meta({ description: 'As the keys of a tenant.' }) });

/** A tenants file. What spans entries or files (distinct ids, one primary key) is checked beside it. */
export const tenantsFileSchema = z
  .strictObject({
    tenants: z.record(z.string(), tenantSchema).default({}).meta({ description: "The tenants, each under the tenant's id." }),
    vendor: vendorSchema.optional().meta({
      description:
        "The vendor's default key, for tenants that have not brought their own; where they have, it reads their older documents. In one file of the deployment at most.",
    }),
    policy: policySchema.optional().meta({
      description: 'How data of tenants without a policy of their own is protected. In one file of the deployment at most.',
    }),
  })
  .meta({ title: 'Keyside tenants', description: 'The tenants, their keys and their policies.' });

export type TenantsFileEntries = z.output<typeof tenantsFileSchema>;
export type TenantEntry = TenantsFileEntries['tenants'][string];
export type KeyEntry = z.output<typeof keySchema>;
export type PolicyEntry = z.output<typeof policySchema>;
export type LabelPolicyEntry = z.output<typeof labelPolicySchema>;
