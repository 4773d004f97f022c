import * as z from 'zod';
import { authorityOf, isKnownAuthority, isLoopback } from './clouds.ts';
import { KEY_NAME, KEY_VERSION } from './key-identifier.ts';

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const path = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const guid = () => z.string().regex(GUID, { error: 'must be a GUID in lower case' });

const keyVersion = () => z.string().regex(KEY_VERSION, { error: 'must be 32 hex digits in lower case' });

const clientId = guid().describe('Application (client) id of the app registration.');

const clientSecret = z.strictObject({
  source: z.literal('client-secret').describe('A client secret of an app registration.'),
  clientId,
  secretFile: path('Path of the file that holds the secret and nothing else; read again whenever it changes.'),
});

const certificate = z.strictObject({
  source: z.literal('certificate').describe('A certificate of an app registration.'),
  clientId,
  certificateFile: path('Path of the PEM file with certificate and private key; read again whenever it changes.'),
});

const federatedToken = z.strictObject({
  source: z
    .literal('federated-token')
    .describe('A token of another issuer that the app registration trusts, e.g. of a Kubernetes service account.'),
  clientId,
  tokenFile: path('Path of the token, e.g. what AZURE_FEDERATED_TOKEN_FILE names in the pod; read again at every refresh.'),
});

const managedIdentity = z.strictObject({
  source: z.literal('managed-identity').describe('The managed identity of the Azure machine or pod that the daemon runs on.'),
  clientId: guid().optional().describe('Client id of a user-assigned identity. Default: the system-assigned one.'),
});

const ambient = z.strictObject({
  source: z
    .literal('ambient')
    .describe("The SDK's own search: environment, workload identity, managed identity, developer tools."),
});

/** Settings of a key in Azure Key Vault or Managed HSM (docs/providers/azure.md). */
export const azureSettingsSchema = z
  .strictObject({
    vaultUrl: z
      .string()
      .describe('URL of the vault or HSM, e.g. `https://acme.vault.azure.net` or `https://acme.managedhsm.azure.net`.'),
    keyName: z
      .string()
      .regex(KEY_NAME, { error: 'must be 1 to 127 characters of 0-9 A-Z a-z -' })
      .describe('Name of the key: RSA or RSA-HSM, 2,048 bits or more.'),
    keyVersion: keyVersion()
      .optional()
      .describe('The version that wraps, 32 hex digits. Default: the newest, asked for again every 3 minutes.'),
    acceptedVersions: z
      .array(keyVersion())
      .max(64)
      .optional()
      .describe('Versions that stored data may name, besides keyVersion; at most 64. Default: any version of this key.'),
    tenantId: guid()
      .optional()
      .describe(
        "Id of the Entra tenant that the vault trusts, usually the customer's. Needed for client-secret, certificate and federated-token.",
      ),
    credentials: z
      .discriminatedUnion('source', [clientSecret, certificate, federatedToken, managedIdentity, ambient])
      .default({ source: 'ambient' })
      .describe('How the daemon proves who it is. Default ambient.'),
    authorityHost: z
      .string()
      .optional()
      .describe("URL of the token authority, e.g. `https://login.microsoftonline.us`. Default: that of the vault's cloud."),
    emulator: z
      .boolean()
      .default(false)
      .describe(
        'Whether vaultUrl and authorityHost are an emulator on this machine. Only then may they be loopback addresses. Default false.',
      ),
    caFile: path('Path of the PEM certificate that the emulator is trusted by; with emulator only.').optional(),
  })
  .superRefine((settings, context) => {
    for (const { at, message } of contradictions(settings)) context.addIssue({ code: 'custom', path: [at], message });
  });

export type AzureSettings = z.output<typeof azureSettingsSchema>;
export type AzureCredentials = AzureSettings['credentials'];

interface Contradiction {
  readonly at: string;
  readonly message: string;
}

type Checked = Pick<AzureSettings, 'vaultUrl' | 'tenantId' | 'credentials' | 'authorityHost' | 'emulator' | 'caFile'>;

function* contradictions(settings: Checked): Generator<Contradiction> {
  const { tenantId, credentials, caFile, emulator } = settings;
  const asksAuthority = credentials.source !== 'managed-identity' && credentials.source !== 'ambient';
  if (asksAuthority && tenantId === undefined)
    yield { at: 'tenantId', message: `is missing, and ${credentials.source} needs it` };
  if (emulator) yield* emulatorFaults(settings, asksAuthority);
  else yield* cloudFaults(settings);
  if (!emulator && caFile !== undefined) yield { at: 'caFile', message: 'is for an emulator only (emulator: true)' };
}

function* emulatorFaults({ vaultUrl, authorityHost }: Checked, asksAuthority: boolean): Generator<Contradiction> {
  const words = 'must be an https URL of this machine, such as https://127.0.0.1:8444, since emulator is true';
  if (!isLoopback(vaultUrl)) yield { at: 'vaultUrl', message: words };
  if (authorityHost === undefined && asksAuthority)
    yield { at: 'authorityHost', message: 'is missing, and an emulator has none of its own' };
  if (authorityHost !== undefined && !isLoopback(authorityHost)) yield { at: 'authorityHost', message: words };
}

function* cloudFaults({ vaultUrl, authorityHost }: Checked): Generator<Contradiction> {
  if (authorityOf(vaultUrl) === undefined) {
    yield { at: 'vaultUrl', message: 'must be the URL of a vault or managed HSM of Azure, such as https://acme.vault.azure.net' };
  }
  if (authorityHost !== undefined && !isKnownAuthority(authorityHost)) {
    yield { at: 'authorityHost', message: 'must be a token authority of Azure, such as https://login.microsoftonline.com' };
  }
}
