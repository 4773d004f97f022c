import * as z from 'zod';
import { awsCredentialsSchema, region } from '../../../aws/config.ts';
import { durationField } from '../../../settings/fields.ts';
import { serviceOrigin } from '../../../settings/service-url.ts';

/** Settings of a sink that is a bucket of S3 or of a service that speaks as S3 does (docs/audit.md). */
export const s3SinkSchema = z
  .strictObject({
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'must be the name of a bucket' })
      .describe('The bucket, which must exist.'),
    prefix: z
      .string()
      .regex(/^(?:[\w!.*'()=-]+\/)*$/, { error: 'must be empty or end in /, without one at the beginning' })
      .max(512)
      .default('keyside/')
      .describe('Before the name of every object.'),
    region: region.describe('Region of the bucket; of services without regions whatever they want signed, e.g. `us-east-1`.'),
    endpoint: serviceOrigin.optional().describe("URL of the service in place of AWS's own; http for loopback only."),
    forcePathStyle: z.boolean().default(false).describe('Puts the bucket into the path instead of the host name.'),
    kmsKeyId: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe("Key of AWS KMS to encrypt objects under; left out, the bucket's own default."),
    batchInterval: durationField({
      description: 'How long records are collected for one object; less where they are many.',
      min: 1_000,
      max: 900_000,
    }).prefault('60s'),
    credentials: awsCredentialsSchema,
  })
  .describe('Puts records into S3-compatible object storage: compressed newline-delimited JSON, by tenant and hour.');

/** `batchInterval` in milliseconds. */
export type S3SinkSettings = z.output<typeof s3SinkSchema>;
