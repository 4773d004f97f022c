import * as z from 'zod';
import { awsCredentialsSchema, region } from '../../../aws/config.ts';
import { serviceOrigin } from '../../../settings/service-url.ts';

/** Settings of a sink that is a log group of CloudWatch Logs (docs/audit.md). */
export const cloudwatchLogsSinkSchema = z
  .strictObject({
    region: region.describe('Region of the log group.'),
    logGroup: z
      .string()
      .regex(/^[\w./#-]{1,512}$/, { error: 'must be 1 to 512 characters of A-Z a-z 0-9 _ . / # -' })
      .describe('Name of the log group, which must exist.'),
    streamPrefix: z
      .string()
      .regex(/^[^:*]{0,400}$/, { error: 'must be at most 400 characters without : and *' })
      .default('keyside-')
      .describe("The stream's name is this and the sidecar's id; it is made where it is missing."),
    endpoint: serviceOrigin
      .optional()
      .describe("URL of CloudWatch Logs in place of the region's own, e.g. a VPC endpoint; http for loopback only."),
    credentials: awsCredentialsSchema,
  })
  .describe('Sends records to a log group of Amazon CloudWatch Logs.');

export type CloudwatchLogsSinkSettings = z.output<typeof cloudwatchLogsSinkSchema>;
