import { z } from 'zod';
import { awsCredentialsSchema, endpoint, region } from '../../../aws/config.ts';

/** What CloudWatch takes as a name of a group or stream. */
const NAME = /^[^:*]{1,400}$/;

/** Settings of a sink that is a log group of CloudWatch Logs (docs/audit.md). */
export const cloudwatchLogsSinkSchema = z
  .strictObject({
    region: region.describe('Region of the log group.'),
    logGroup: z
      .string()
      .regex(/^[\w./#-]{1,512}$/)
      .describe('Name of the log group, which must exist.'),
    streamPrefix: z
      .string()
      .regex(NAME, { error: 'must be at most 400 characters without : and *' })
      .default('keyside-')
      .describe("The stream's name is this and the sidecar's id; it is made where it is missing."),
    endpoint: endpoint.optional().describe("URL of CloudWatch Logs in place of the region's own, e.g. a VPC endpoint."),
    credentials: awsCredentialsSchema,
  })
  .describe('Sends records to a log group of Amazon CloudWatch Logs.');

export type CloudwatchLogsSinkSettings = z.output<typeof cloudwatchLogsSinkSchema>;
