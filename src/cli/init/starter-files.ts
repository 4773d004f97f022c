import { randomBytes } from 'node:crypto';
import type { ConfiguredProvider } from '../../config/provider-settings.ts';
import { createKey } from '../../kms/local/store.ts';
import { KEY_EXAMPLES } from './key-examples.ts';

export const STARTER_TENANT = 'example';
export const STARTER_CONFIGURATION = 'keyside.yaml';
export const STARTER_TENANTS_FILE = `tenants/${STARTER_TENANT}.yaml`;
export const STARTER_SECRETS = 'secrets';
export const STARTER_ORIGIN_KEY = `${STARTER_SECRETS}/origin-key`;
export const STARTER_TOKEN = `${STARTER_SECRETS}/app-token`;

/** Of origin key and token, in bytes of randomness: an HMAC's key as config/origin-keys.ts takes it, and nothing that is guessed. */
const SECRET_BYTES = 32;

/** One file of a starter configuration. */
export interface StarterFile {
  /** Relative to the configuration's folder. */
  readonly path: string;
  /** What it is, for the person who made it. */
  readonly what: string;
  /** Text to be written, or who writes the file itself, given its path. Neither replaces a file. */
  readonly content: string | ((file: string) => Promise<unknown>);
}

/** Fresh secrets with every call. The configuration itself comes last: its presence says that everything else is there. */
export function starterFiles(provider: ConfiguredProvider): readonly StarterFile[] {
  return [
    ...(provider === 'local' ? [softwareKey()] : []),
    {
      path: STARTER_ORIGIN_KEY,
      what: 'the origin key, which marks wraps under RSA keys',
      content: `${randomBytes(SECRET_BYTES).toString('base64')}\n`,
    },
    {
      path: STARTER_TOKEN,
      what: 'the bearer token of caller app',
      content: `${randomBytes(SECRET_BYTES).toString('base64url')}\n`,
    },
    {
      path: STARTER_TENANTS_FILE,
      what: `tenant ${STARTER_TENANT}, with a key of provider ${provider}`,
      content: tenantsFile(provider),
    },
    { path: STARTER_CONFIGURATION, what: "the daemon's configuration", content: CONFIGURATION },
  ];
}

function softwareKey(): StarterFile {
  return {
    path: `keys/${STARTER_TENANT}.json`,
    what: 'a software key: whoever reads this file can read the data',
    content: (file) => createKey(file, { id: STARTER_TENANT, now: new Date() }),
  };
}

const CONFIGURATION = `# The configuration of the Keyside daemon. All settings: docs/configuration.md. Paths are relative to this file.
# A setting behind # is left out, and shows its default. Changes of this file take effect with a restart.

listen:
  # The API. Reachable from other machines only with mutual TLS (\`tls\`).
  tcp: 127.0.0.1:7460
  # /livez, /readyz and /metrics.
  http: 127.0.0.1:7461
  # Path of a Unix socket for the API, beside tcp or in its place (\`tcp: off\`); empty: none.
  #unix: ''

# A file or a folder of files. Their changes take effect while the daemon runs.
tenants: tenants

# Secrets of the deployment, the same for all its daemons. They mark wraps under RSA keys (provider azure; RSA keys of provider
# pkcs11), which do not open without them: keep them as long as that data. The first one marks; to rotate, put a new one first.
originKeyFiles:
  - ${STARTER_ORIGIN_KEY}

# Who may call, by bearer token. Without any caller, everyone who reaches the API may do everything.
callers:
  - id: app
    tokenFile: ${STARTER_TOKEN}
    # Ids of tenants, or ['*'] for all.
    tenants: [${STARTER_TENANT}]
    # Beside these: rewrap-target, list-keys and drop-keys; or ['*'] for everything.
    operations: [encrypt, decrypt, rewrap, check-key]

# Largest document, all its fields together; calls worked on at once, in all and of one tenant.
#limits: { maxDocumentBytes: 3MiB, maxConcurrentCalls: 512, maxConcurrentCallsPerTenant: 128 }

# One operation of a tenant's KMS with all its retries, and one attempt.
#kms: { timeout: 10s, attemptTimeout: 3s }

# The audit trail. required: no call is answered before its record is on the disk; async: shortly after; off. The folder belongs on a
# disk that outlives the daemon. Where records go from there (\`sinks\`): docs/configuration.md.
#audit: { mode: required, directory: audit }

# debug, info, warn or error.
#log: { level: info }
`;

function tenantsFile(provider: ConfiguredProvider): string {
  const settings = KEY_EXAMPLES[provider].settings.map((line) => `        ${line}\n`).join('');
  return `# Tenants, their keys and their policies: docs/configuration.md. Any number of files like this one; paths are relative to it.
# Values marked \`yours\` are examples; a setting behind # is left out. Changes take effect while the daemon runs.
tenants:
  ${STARTER_TENANT}:
    keys:
      # Stored with the data: unique in the deployment, never changed, never used again for another key.
      - id: ${STARTER_TENANT}-1
        # What the customer creates: docs/providers/${provider}.md.
        provider: ${provider}
        # primary encrypts and decrypts, active only decrypts, disabled does neither.
        state: primary
${settings}
    # The lowest custody of a key that this tenant's data may be under: customer, vendor or local.
    #minimumCustody: local

    # lease: how long one data key encrypts new documents. cache: how long a data key may be read with after the KMS last proved it,
    # and so how long a revoked key may go on opening data.
    #policy: { default: { lease: { ttl: 5m }, cache: { ttl: 60s } } }
`;
}
