import { z } from 'zod';

/** Settings of a sink that takes OTLP logs (docs/audit.md). */
export const otlpSinkSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe(
        'Address for logs with its path, e.g. `https://collector.example.com:4318/v1/logs`. Plain http only on loopback.',
      ),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .meta({ isPath: true })
      .describe('File with a bearer token; read again for each delivery, so that it can be replaced.'),
    caFile: z.string().min(1).optional().meta({ isPath: true }).describe("Authorities to trust instead of the system's, PEM."),
  })
  .describe('Sends records as OpenTelemetry logs over OTLP/HTTP, binary.');

export type OtlpSinkSettings = z.output<typeof otlpSinkSchema>;
