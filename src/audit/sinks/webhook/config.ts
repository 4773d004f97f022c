import * as z from 'zod';
import { pathField } from '../../../settings/fields.ts';
import { serviceUrl } from '../../../settings/service-url.ts';

/** Settings of a sink that posts to an address of the operator's (docs/audit.md). */
export const webhookSinkSchema = z
  .strictObject({
    url: serviceUrl.describe('Where records are posted; http for loopback only.'),
    secretFile: pathField(
      'File with the secret that deliveries are signed with, as Standard Webhooks has it: `whsec_` and the base64 of 24 to 64 bytes. Several, one a line, while it is being replaced: each signs.',
    ),
    caFile: pathField("Authorities to trust instead of the system's, PEM.").optional(),
  })
  .describe('Posts records as newline-delimited JSON, signed with a shared secret (Standard Webhooks).');

export type WebhookSinkSettings = z.output<typeof webhookSinkSchema>;
