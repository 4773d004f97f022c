import type { ConfiguredProvider } from '../../config/provider-settings.ts';

/** The settings of one key in a starter configuration. */
export interface KeyExample {
  /** The provider's block of the key's entry, each line without the indent that all of them share. */
  readonly settings: readonly string[];
  /** Files that the settings name and that come from the customer: names in the folder of secrets, and what each holds. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** The folder of secrets, from that of the tenants file. */
const SECRETS = '../secrets';

/**
 * An example for each provider, in the usual way of its page in docs/providers. Values that a customer or operator must replace are
 * marked `yours`; a setting behind `#` may be left out, and is valid as it stands.
 */
export const KEY_EXAMPLES: Readonly<Record<ConfiguredProvider, KeyExample>> = {
  local: {
    settings: ['local:', '  storeFile: ../keys/example.json'],
  },
  aws: {
    settings: [
      'aws:',
      '  keyId: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab # yours',
      "  # A role in the customer's account. Without `credentials`, the daemon's own identity uses the key.",
      '  credentials:',
      '    source: assume-role',
      '    roleArn: arn:aws:iam::111122223333:role/keyside # yours',
      '    # Chosen by the vendor, another one for each customer. Not a secret.',
      '    externalId: example:7f3c9a # yours',
    ],
  },
  azure: {
    settings: [
      'azure:',
      '  vaultUrl: https://example-keyside.vault.azure.net # yours',
      '  keyName: keyside',
      "  # The customer's Entra tenant, which the vault trusts.",
      '  tenantId: 11111111-2222-3333-4444-555555555555 # yours',
      "  # The vendor's application, by the token of the pod's service account.",
      '  credentials:',
      '    source: federated-token',
      '    clientId: 66666666-7777-8888-9999-aaaaaaaaaaaa # yours',
      '    tokenFile: /var/run/secrets/azure/tokens/azure-identity-token',
    ],
  },
  gcp: {
    settings: [
      'gcp:',
      '  keyName: projects/example-prod/locations/europe-west3/keyRings/keyside/cryptoKeys/keyside # yours',
      '  credentials:',
      "    # Google's own search: workload identity, metadata server, gcloud's file.",
      '    source: ambient',
      "    # A service account of the customer's, which the daemon's identity may act as.",
      '    impersonate:',
      '      serviceAccount: keyside@example-prod.iam.gserviceaccount.com # yours',
    ],
  },
  kmip: {
    settings: [
      'kmip:',
      '  host: kmip.customer.example # yours',
      '  #port: 5696',
      `  caFile: ${SECRETS}/kmip-ca.pem`,
      `  certificateFile: ${SECRETS}/kmip-client.pem`,
      `  keyFile: ${SECRETS}/kmip-client.key`,
      "  # By the server's Unique Identifier, or by `name` in its place.",
      '  key:',
      '    uniqueIdentifier: 6f2d1c3e-0000-4000-8000-000000000000 # yours',
    ],
    secrets: {
      'kmip-ca.pem': "the certificate of the server's authority",
      'kmip-client.pem': "the daemon's client certificate",
      'kmip-client.key': 'its private key',
    },
  },
  pkcs11: {
    settings: [
      'pkcs11:',
      "  # The vendor's module; it is loaded into a process of its own.",
      '  module: /usr/lib/softhsm/libsofthsm2.so # yours',
      '  # standard, softhsm, nss, luna, luna-fips or cloudhsm.',
      '  preset: softhsm',
      '  token:',
      '    label: example # yours',
      '  key:',
      '    label: keyside-example # yours',
      '    #id: 5f1c0a2b3c4d5e6f',
      `  pinFile: ${SECRETS}/hsm-pin`,
    ],
    secrets: { 'hsm-pin': "the PIN of the token's user" },
  },
  vault: {
    settings: [
      'vault:',
      '  address: https://vault.customer.example:8200 # yours',
      '  #namespace: team/example',
      '  #mount: transit',
      '  keyName: keyside-example # yours',
      `  #caFile: ${SECRETS}/vault-ca.pem`,
      '  auth:',
      '    method: approle',
      `    roleIdFile: ${SECRETS}/vault-role-id`,
      `    secretIdFile: ${SECRETS}/vault-secret-id`,
    ],
    secrets: { 'vault-role-id': "the AppRole's role id", 'vault-secret-id': 'a secret id of it' },
  },
};
