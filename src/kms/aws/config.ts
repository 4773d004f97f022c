import { z } from 'zod';
import { parseKeyReference, regionOf } from './key-reference.ts';

const ROLE_ARN = /^arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]{1,576}$/;
const REGION = /^[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}$/;
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

const path = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const roleArn = z
  .string()
  .regex(ROLE_ARN, { error: 'must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/keyside' });

const keyName = (words: string) => z.string().refine((name) => parseKeyReference(name) !== undefined, { error: words });

const region = z.string().regex(REGION, { error: 'must be a region, such as eu-central-1' });

const endpoint = z.string().refine(isSafeEndpoint, {
  error: 'must be an https URL without path, query or credentials (http for loopback only)',
});

const stsSettings = {
  stsRegion: region.optional().describe("Region of the STS endpoint. Default: the key's region."),
  stsEndpoint: endpoint.optional().describe("URL of STS in place of the region's own, e.g. a VPC endpoint."),
  sessionName: z
    .string()
    .regex(/^[A-Za-z0-9+=,.@_-]{2,64}$/, { error: 'must be 2 to 64 characters of A-Z a-z 0-9 + = , . @ _ -' })
    .default('keyside')
    .describe("Name of the session, 2 to 64 characters; the customer's CloudTrail shows it."),
};

const ambient = z.strictObject({
  source: z.literal('ambient').describe("The SDK's own search: environment, IRSA, EKS Pod Identity, ECS, EC2 instance role."),
});

const credentialsFile = z.strictObject({
  source: z
    .literal('file')
    .describe(
      'An access key in a shared credentials file; nothing else is read from it, and a profile that holds more is refused.',
    ),
  file: path('Path of the file in the form of `~/.aws/credentials`; read again whenever it changes.'),
  profile: z.string().min(1).max(256).default('default').describe('Profile within the file.'),
});

const webIdentity = z.strictObject({
  source: z.literal('web-identity').describe('A token of an OpenID Connect issuer, exchanged at STS for a role.'),
  roleArn: roleArn.describe("ARN of the role that trusts the token's issuer."),
  tokenFile: path('Path of the token; read again at every refresh.'),
  ...stsSettings,
});

const assumeRole = z.strictObject({
  source: z.literal('assume-role').describe("A role of the customer's, assumed at STS: the usual way into another account."),
  roleArn: roleArn.describe('ARN of the role to assume.'),
  externalId: z
    .string()
    .regex(/^[A-Za-z0-9+=,.@:/_-]{2,1224}$/, { error: 'must be 2 to 1,224 characters of A-Z a-z 0-9 + = , . @ : / _ -' })
    .optional()
    .describe("The external id that the role's trust policy demands, one for each tenant. Not a secret."),
  base: z
    .discriminatedUnion('source', [ambient, credentialsFile, webIdentity])
    .default({ source: 'ambient' })
    .describe('The credentials that assume the role. Default ambient.'),
  ...stsSettings,
});

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
    endpoint: endpoint
      .optional()
      .describe("URL of KMS in place of the region's own, e.g. a VPC endpoint; http for loopback only."),
    credentials: z
      .discriminatedUnion('source', [ambient, credentialsFile, assumeRole, webIdentity])
      .default({ source: 'ambient' })
      .describe('How the daemon proves who it is. Default ambient.'),
  })
  .superRefine((settings, context) => {
    for (const { path: at, message } of contradictions(settings)) context.addIssue({ code: 'custom', path: [...at], message });
  });

export type AwsSettings = z.output<typeof awsSettingsSchema>;
export type AwsCredentials = AwsSettings['credentials'];
export type AwsBaseCredentials = z.output<typeof assumeRole>['base'];

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

function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}
