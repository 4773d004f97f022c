import * as z from 'zod';

/** Where Kubernetes mounts a pod's own token. */
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;
/** Segments of a mount or namespace; none begins with a dot, so that no path can climb. */
const PATH = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}){0,15}$/;
/** Transit's own rule for names. */
const KEY_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$/;
/** Stored versions have at most nine digits. */
const MAX_VERSION = 999_999_999;

const file = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const path = (error: string) => z.string().max(512).regex(PATH, { error });

const authMount = (name: string) =>
  path(`must be the path of an auth mount without auth/ before it, such as ${name}`)
    .default(name)
    .describe(`Path below auth/ where the method is mounted. Default ${name}.`);

const tokenFile = z.strictObject({
  method: z
    .literal('token-file')
    .describe('A token in a file that somebody else keeps fresh, e.g. Vault Agent or OpenBao Agent.'),
  file: file('Path of the token; read again whenever it changes. The daemon never renews it.'),
});

const approle = z.strictObject({
  method: z.literal('approle').describe('A role id and a secret id, exchanged for a token.'),
  roleIdFile: file('Path of the role id; read at every login.'),
  secretIdFile: file('Path of the secret id; read at every login.'),
  mount: authMount('approle'),
});

const kubernetes = z.strictObject({
  method: z
    .literal('kubernetes')
    .describe("The pod's service-account token, exchanged for a token. Serves the JWT method too: its login has the same form."),
  role: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,128}$/, { error: 'must be 1 to 128 characters of A-Z a-z 0-9 _ . -' })
    .describe('Role of the auth method, which names the policies.'),
  jwtFile: file(`Path of the service-account token; read at every login. Default ${SERVICE_ACCOUNT_TOKEN}.`).default(
    SERVICE_ACCOUNT_TOKEN,
  ),
  mount: authMount('kubernetes'),
});

/** Settings of a key in HashiCorp Vault or OpenBao Transit (docs/providers/vault.md). */
export const vaultSettingsSchema = z
  .strictObject({
    address: z
      .string()
      .refine(isSafeAddress, { error: 'must be an https URL without path, query or credentials (http for loopback only)' })
      .describe(
        'URL of the server or of the load balancer before it; https (http for loopback only). Redirects are not followed.',
      ),
    namespace: path('must be the path of a namespace, such as team/acme')
      .optional()
      .describe('Namespace of both the auth method and the key. Default none.'),
    mount: path('must be the path of a secrets engine, such as transit')
      .default('transit')
      .describe('Path where Transit is mounted. Default transit.'),
    keyName: z
      .string()
      .regex(KEY_NAME, { error: 'must be 1 to 128 characters of A-Z a-z 0-9 _ . - and neither begin nor end with . or -' })
      .describe('Name of the key: aes256-gcm96, chacha20-poly1305 or xchacha20-poly1305, not derived.'),
    minVersion: z
      .int()
      .min(1)
      .max(MAX_VERSION)
      .default(1)
      .describe('The oldest key version that stored data may name. Default 1.'),
    caFile: file(
      'Path of the certificates, in PEM, that alone may vouch for the server. Default those that Node trusts.',
    ).optional(),
    clientCertificateFile: file('Path of a client certificate for TLS, in PEM. Default none.').optional(),
    clientKeyFile: file('Path of its private key, in PEM. Needed with clientCertificateFile.').optional(),
    auth: z.discriminatedUnion('method', [tokenFile, approle, kubernetes]).describe('How the daemon proves who it is.'),
  })
  .superRefine(({ clientCertificateFile, clientKeyFile }, context) => {
    if ((clientCertificateFile === undefined) === (clientKeyFile === undefined)) return;
    const missing = clientKeyFile === undefined ? 'clientKeyFile' : 'clientCertificateFile';
    context.addIssue({ code: 'custom', path: [missing], message: 'is missing: certificate and key go together' });
  });

export type VaultSettings = z.output<typeof vaultSettingsSchema>;
export type VaultAuth = VaultSettings['auth'];

function isSafeAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}
