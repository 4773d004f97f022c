import * as z from 'zod';
import { pathField } from '../../../settings/fields.ts';
import { serviceOrigin } from '../../../settings/service-url.ts';

/** Settings of a sink that is a Splunk HTTP Event Collector (docs/audit.md). */
export const splunkHecSinkSchema = z
  .strictObject({
    url: serviceOrigin.describe(
      'Address of the collector without a path, e.g. `https://splunk.example.com:8088`; http for loopback only.',
    ),
    tokenFile: pathField("File with the collector's token; read again for each delivery, so that it can be replaced."),
    caFile: pathField("Authorities to trust instead of the system's, PEM.").optional(),
    index: z.string().min(1).max(128).optional().describe("The index to write to; left out, the token's."),
    source: z.string().min(1).max(128).default('keyside').describe('The `source` of the events.'),
    sourcetype: z.string().min(1).max(128).default('keyside:audit').describe('The `sourcetype` of the events.'),
    host: z.string().min(1).max(255).optional().describe('The `host` of the events; left out, what the collector puts there.'),
  })
  .describe('Sends records to a Splunk HTTP Event Collector, and waits for its acknowledgement where the token has that on.');

export type SplunkHecSinkSettings = z.output<typeof splunkHecSinkSchema>;
