import * as z from 'zod';
import { awsCredentialsSchema, region } from '../../aws/config.ts';
import { serviceOrigin } from '../../settings/service-url.ts';
import { parseKeyReference, regionOf } from './key-reference.ts';

const keyName = (words: string) => z.string().refine((name) => parseKeyReference(name) !== undefined, { error: words });

/** Settings of a key in AWS KMS (docs/providers/aws.md). */
export const awsSettingsSchema = z
  .strictObject({
    keyId: keyName('must be a key id, a key ARN, an alias (alias/name) or an alias ARN').describe(
      'The key that wraps: key id, key ARN, alias (`alias/name`) or alias ARN. A key of another account needs its ARN.',
    ),
    acceptedKeyIds: z
      .array(
        keyName('must be a key id or key ARN').refine((name) => !name.includes('alias/'), {
          error: 'must be a key id or key ARN: an alias may lead elsewhere tomorrow',
        }),
      )
      .max(64)
      .optional()
      .describe(
        'Key ids or key ARNs that stored data may name, besides that of keyId. Needed where keyId is an alias: every key it led or will lead to. At most 64. Default none.',
      ),
    region: region.optional().describe('Region of the key. Needed where no ARN names it.'),
    endpoint: serviceOrigin
      .optional()
      .describe("URL of KMS in place of the region's own, e.g. a VPC endpoint; http for loopback only."),
    credentials: awsCredentialsSchema,
  })
  .superRefine((settings, context) => {
    for (const { path: at, message } of contradictions(settings)) context.addIssue({ code: 'custom', path: [...at], message });
  });

export type AwsSettings = z.output<typeof awsSettingsSchema>;

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function* contradictions(settings: {
  readonly keyId: string;
  readonly acceptedKeyIds?: readonly string[] | undefined;
  readonly region?: string | undefined;
}): Generator<Contradiction> {
  const key = parseKeyReference(settings.keyId);
  if (key === undefined) return; // said already, and a mistyped ARN would seem to lack its region too
  const accepted = (settings.acceptedKeyIds ?? []).map(parseKeyReference);
  const known = [key, ...accepted].filter((reference) => reference !== undefined);
  const expected = settings.region ?? regionOf(known);
  if (expected === undefined) yield { path: ['region'], message: 'is missing, and no ARN names it' };
  if (key.region !== undefined && key.region !== expected) yield { path: ['keyId'], message: `must be in region ${expected}` };
  for (const [index, reference] of accepted.entries()) {
    if (reference?.region === undefined || reference.region === expected) continue;
    yield { path: ['acceptedKeyIds', index], message: `must be in region ${expected}` };
  }
  if (key.keyId === undefined && accepted.length === 0) {
    yield { path: ['acceptedKeyIds'], message: 'is missing: it must list the keys that the alias leads to' };
  }
}
