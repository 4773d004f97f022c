import * as z from 'zod';
import { pathField } from '../../../settings/fields.ts';
import { serviceUrl } from '../../../settings/service-url.ts';

/** Settings of a sink that takes OTLP logs (docs/audit.md). */
export const otlpSinkSchema = z
  .strictObject({
    url: serviceUrl.describe(
      'Address for logs with its path, e.g. `https://collector.example.com:4318/v1/logs`; http for loopback only.',
    ),
    tokenFile: pathField('File with a bearer token; read again for each delivery, so that it can be replaced.').optional(),
    caFile: pathField("Authorities to trust instead of the system's, PEM.").optional(),
  })
  .describe('Sends records as OpenTelemetry logs over OTLP/HTTP, binary.');

export type OtlpSinkSettings = z.output<typeof otlpSinkSchema>;
