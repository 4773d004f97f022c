import * as z from 'zod';
import { pathField } from '../settings/fields.ts';
import { serviceOrigin } from '../settings/service-url.ts';

const ROLE_ARN = /^arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]{1,576}$/;
const REGION = /^[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}$/;

const roleArn = z
  .string()
  .regex(ROLE_ARN, { error: 'must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/keyside' });

/** A setting that names a region. */
export const region = z.string().regex(REGION, { error: 'must be a region, such as eu-central-1' });

const stsSettings = {
  stsRegion: region.optional().describe("Region of the STS endpoint. Default: the key's region."),
  stsEndpoint: serviceOrigin.optional().describe("URL of STS in place of the region's own, e.g. a VPC endpoint."),
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
  file: pathField('Path of the file in the form of `~/.aws/credentials`; read again whenever it changes.'),
  profile: z.string().min(1).max(256).default('default').describe('Profile within the file.'),
});

const webIdentity = z.strictObject({
  source: z.literal('web-identity').describe('A token of an OpenID Connect issuer, exchanged at STS for a role.'),
  roleArn: roleArn.describe("ARN of the role that trusts the token's issuer."),
  tokenFile: pathField('Path of the token; read again at every refresh.'),
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

/** How the daemon proves who it is to a service of AWS. */
export const awsCredentialsSchema = z
  .discriminatedUnion('source', [ambient, credentialsFile, assumeRole, webIdentity])
  .default({ source: 'ambient' })
  .describe('How the daemon proves who it is. Default ambient.');

export type AwsCredentials = z.output<typeof awsCredentialsSchema>;
export type AwsBaseCredentials = z.output<typeof assumeRole>['base'];
