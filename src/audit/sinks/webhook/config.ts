import { z } from 'zod';

/** Settings of a sink that posts to an address of the operator's (docs/audit.md). */
export const webhookSinkSchema = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Where records are posted. Plain http only on loopback.'),
    secretFile: z
      .string()
      .min(1)
      .meta({ isPath: true })
      .describe(
        'File with the secret that deliveries are signed with, as Standard Webhooks has it: `whsec_` and the base64 of 24 to 64 bytes. Several, one a line, while it is being replaced: each signs.',
      ),
    caFile: z.string().min(1).optional().meta({ isPath: true }).describe("Authorities to trust instead of the system's, PEM."),
  })
  .describe('Posts records as newline-delimited JSON, signed with a shared secret (Standard Webhooks).');

export type WebhookSinkSettings = z.output<typeof webhookSinkSchema>;
