import * as z from 'zod';
import { isKeyName } from './key-name.ts';

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** Google's own hosts: the global ones, regional ones (`rep`) and those of Private Service Connect (`p`). */
const GOOGLE_HOST = /^(?:[a-z0-9-]{1,63}\.){1,4}googleapis\.com$/;

const SERVICE_ACCOUNT = /^[a-z0-9][a-z0-9.-]{0,62}@[a-z0-9.-]{1,100}\.gserviceaccount\.com$/;

const path = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const endpoint = z.string().refine(isSafeEndpoint, {
  error: 'must be an https URL without path, query or credentials (http for loopback only)',
});

const impersonate = z
  .strictObject({
    serviceAccount: z
      .string()
      .regex(SERVICE_ACCOUNT, { error: 'must be the email of a service account, such as keyside@acme.iam.gserviceaccount.com' })
      .describe("Email of the service account: the customer's own for this vendor, usually."),
    lifetimeSeconds: z
      .int()
      .min(600)
      .max(43_200)
      .default(3_600)
      .describe(
        'Lifetime of its access tokens in seconds, 600 to 43,200; beyond 3,600 an organisation policy must allow it. Default 3600.',
      ),
    endpoint: endpoint
      .optional()
      .describe('URL of the IAM Service Account Credentials API in place of https://iamcredentials.googleapis.com.'),
  })
  .optional()
  .describe('A service account to act as, with permission to create its tokens. Default none.');

const ambient = z.strictObject({
  source: z
    .literal('ambient')
    .describe(
      "Google's own search (Application Default Credentials): environment, gcloud's file, metadata server, GKE workload identity.",
    ),
  impersonate,
});

const keyFile = z.strictObject({
  source: z.literal('key-file').describe('A key of a service account in a JSON file.'),
  file: path('Path of the JSON file; read again whenever it changes.'),
  impersonate,
});

const federation = z.strictObject({
  source: z.literal('federation').describe('Workload identity federation: a token of another issuer, exchanged at Google.'),
  file: path(
    'Path of the credential configuration, as `gcloud iam workload-identity-pools create-cred-config` writes it; read again whenever it changes. One that runs an executable is refused.',
  ),
  impersonate,
});

/** Settings of a key in Google Cloud KMS (docs/providers/gcp.md). */
export const gcpSettingsSchema = z.strictObject({
  keyName: z
    .string()
    .refine(isKeyName, {
      error: 'must be the name of a key: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version',
    })
    .describe('The key that wraps: `projects/…/locations/…/keyRings/…/cryptoKeys/…`; its primary version is used.'),
  acceptedVersions: z
    .array(
      z
        .int()
        .min(1)
        .max(2 ** 31),
    )
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'Versions that stored data may name, 1 to 2,147,483,648. Beware of automatic rotation: a new primary version that is not listed stops writing. Default all.',
    ),
  endpoint: endpoint
    .optional()
    .describe(
      'URL of Cloud KMS in place of https://cloudkms.googleapis.com, e.g. a regional one or Private Service Connect. http for an emulator on loopback only; no credentials are sent to it.',
    ),
  credentials: z
    .discriminatedUnion('source', [ambient, keyFile, federation])
    .default({ source: 'ambient' })
    .describe('How the daemon proves who it is. Default ambient.'),
});

export type GcpSettings = z.output<typeof gcpSettingsSchema>;
export type GcpCredentials = GcpSettings['credentials'];

const universe = z.literal('googleapis.com', { error: 'must be googleapis.com' }).optional();

/** A key of a service account. What is not listed is not used: the SDK needs no URL of the file. */
export const keyFileSchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().regex(SERVICE_ACCOUNT),
  private_key: z.string().startsWith('-----BEGIN'),
  private_key_id: z.string().min(1).optional(),
  quota_project_id: z.string().min(1).optional(),
  universe_domain: universe,
});

const urlOf = (isAllowed: (url: URL) => boolean, words: string) =>
  z.string().refine((text) => {
    const url = URL.parse(text);
    return url !== null && url.username === '' && url.password === '' && isAllowed(url);
  }, words);

const googleUrl = urlOf(
  (url) => (url.protocol === 'https:' && GOOGLE_HOST.test(url.hostname)) || isLoopback(url),
  'must be an https URL of googleapis.com (http for loopback only)',
);

/** Where tokens of other clouds come from: their metadata servers speak http on link-local addresses. */
const subjectUrl = urlOf(
  (url) => url.protocol === 'https:' || isLoopback(url) || /^(?:169\.254\.[0-9.]+|\[fd00:ec2::254\])$/.test(url.hostname),
  'must be an https URL (http for loopback and link-local addresses only)',
);

const format = z.object({ type: z.enum(['text', 'json']), subject_token_field_name: z.string().min(1).optional() }).optional();

const credentialSource = z.union(
  [
    z.strictObject({ file: z.string().min(1), format }),
    z.strictObject({ url: subjectUrl, headers: z.record(z.string(), z.string()).optional(), format }),
    z.strictObject({
      environment_id: z.literal('aws1'),
      region_url: subjectUrl.optional(),
      url: subjectUrl.optional(),
      regional_cred_verification_url: z
        .string()
        .regex(/^https:\/\/sts\.(?:\{region\}|[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\?[A-Za-z0-9=&-]+$/),
      imdsv2_session_token_url: subjectUrl.optional(),
    }),
  ],
  { error: 'must be a file, a URL or AWS; executables and certificates are refused' },
);

/**
 * A credential configuration of workload identity federation. A customer may have written it, so it can send nothing but to Google:
 * neither the pod's token nor what it is exchanged for. What is not listed is not used.
 */
export const federationFileSchema = z.object({
  type: z.literal('external_account'),
  audience: z
    .string()
    .regex(/^\/\/iam\.googleapis\.com\/projects\/[0-9]+\/locations\/global\/workloadIdentityPools\/[^/]+\/providers\/[^/]+$/),
  subject_token_type: z.string().min(1),
  token_url: googleUrl,
  service_account_impersonation_url: googleUrl.optional(),
  service_account_impersonation: z.object({ token_lifetime_seconds: z.int().min(600).max(43_200).optional() }).optional(),
  credential_source: credentialSource,
  quota_project_id: z.string().min(1).optional(),
  universe_domain: universe,
});

export type KeyFile = z.output<typeof keyFileSchema>;
export type FederationFile = z.output<typeof federationFileSchema>;

function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || isLoopback(url);
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && LOOPBACK.test(hostname);
}
