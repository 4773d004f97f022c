import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/core/clock.ts';
import { awsSettingsSchema } from '../../../src/kms/aws/config.ts';
import { awsProvider } from '../../../src/kms/aws/provider.ts';
import { azureSettingsSchema } from '../../../src/kms/azure/config.ts';
import { azureProvider } from '../../../src/kms/azure/provider.ts';
import { gcpSettingsSchema } from '../../../src/kms/gcp/config.ts';
import { gcpProvider } from '../../../src/kms/gcp/provider.ts';
import { kmipSettingsSchema } from '../../../src/kms/kmip/config.ts';
import { kmipProvider } from '../../../src/kms/kmip/provider.ts';
import { systemTimer } from '../../../src/kms/timer.ts';
import { vaultSettingsSchema } from '../../../src/kms/vault/config.ts';
import { vaultProvider } from '../../../src/kms/vault/provider.ts';

const timer = systemTimer(systemClock());
const arn = (region: string, account: string): string =>
  `arn:aws:kms:${region}:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const role = (account: string, externalId = 'a1'): object => ({
  source: 'assume-role',
  roleArn: `arn:aws:iam::${account}:role/keyside`,
  externalId,
});
const ring = (project: string, location: string): string =>
  `projects/${project}/locations/${location}/keyRings/ring/cryptoKeys/key`;
const tls = { caFile: '/ca.pem', certificateFile: '/cert.pem', keyFile: '/key.pem' };
const auth = { method: 'token-file', file: '/token' };
const vault = (name: string, keyName: string): object => ({
  vaultUrl: `https://${name}.vault.azure.net`,
  keyName,
  tenantId: '11111111-2222-3333-4444-555555555555',
  credentials: { source: 'ambient' },
});

const quotas = {
  aws: (settings: unknown) => awsProvider().sharedQuota?.(awsSettingsSchema.parse(settings)),
  azure: (settings: unknown) =>
    azureProvider({ originKeys: [], clock: timer }).sharedQuota?.(azureSettingsSchema.parse(settings)),
  gcp: (settings: unknown) => gcpProvider().sharedQuota?.(gcpSettingsSchema.parse(settings)),
  kmip: (settings: unknown) => kmipProvider().sharedQuota?.(kmipSettingsSchema.parse(settings)),
  vault: (settings: unknown) => vaultProvider(timer).sharedQuota?.(vaultSettingsSchema.parse(settings)),
};

interface Row {
  readonly name: string;
  readonly provider: keyof typeof quotas;
  readonly settings: readonly [object, object];
}

const SHARED: readonly Row[] = [
  {
    name: "keys of two customers that are called with the daemon's own credentials",
    provider: 'aws',
    settings: [{ keyId: arn('us-east-1', '111111111111') }, { keyId: arn('us-east-1', '222222222222') }],
  },
  {
    name: 'keys that are called by roles of one account, whatever the external id',
    provider: 'aws',
    settings: [
      { keyId: arn('us-east-1', '111111111111'), credentials: role('333333333333', 'a1') },
      { keyId: arn('us-east-1', '222222222222'), credentials: role('333333333333', 'b2') },
    ],
  },
  { name: 'keys of one vault', provider: 'azure', settings: [vault('acme', 'one'), vault('acme', 'two')] },
  {
    name: 'keys of two projects in one location that are called with the same credentials',
    provider: 'gcp',
    settings: [{ keyName: ring('acme-prod', 'europe-west1') }, { keyName: ring('globex-prod', 'europe-west1') }],
  },
  {
    name: 'keys of one server',
    provider: 'kmip',
    settings: [
      { host: 'kmip.test', key: { name: 'one' }, ...tls },
      { host: 'kmip.test', key: { name: 'two' }, ...tls },
    ],
  },
  {
    name: 'keys of one server and namespace',
    provider: 'vault',
    settings: [
      { address: 'https://vault.test', keyName: 'one', auth },
      { address: 'https://vault.test/', mount: 'other', keyName: 'two', auth },
    ],
  },
];

const APART: readonly Row[] = [
  {
    name: 'keys of two regions',
    provider: 'aws',
    settings: [{ keyId: arn('us-east-1', '111111111111') }, { keyId: arn('eu-west-1', '111111111111') }],
  },
  {
    name: "keys that are called by roles in two customers' accounts",
    provider: 'aws',
    settings: [
      { keyId: arn('us-east-1', '111111111111'), credentials: role('111111111111') },
      { keyId: arn('us-east-1', '222222222222'), credentials: role('222222222222') },
    ],
  },
  { name: 'keys of two vaults', provider: 'azure', settings: [vault('acme', 'one'), vault('globex', 'one')] },
  {
    name: 'keys of two locations',
    provider: 'gcp',
    settings: [{ keyName: ring('acme-prod', 'europe-west1') }, { keyName: ring('acme-prod', 'us-east1') }],
  },
  {
    name: 'keys of two servers',
    provider: 'kmip',
    settings: [
      { host: 'kmip.test', key: { name: 'one' }, ...tls },
      { host: 'kmip.test', port: 5_697, key: { name: 'one' }, ...tls },
    ],
  },
  {
    name: 'keys of two namespaces',
    provider: 'vault',
    settings: [
      { address: 'https://vault.test', namespace: 'acme', keyName: 'one', auth },
      { address: 'https://vault.test', namespace: 'globex', keyName: 'one', auth },
    ],
  },
];

describe('one quota', () => {
  for (const { name, provider, settings } of SHARED) {
    it(`of ${provider} is shared by ${name}`, () => {
      const [one, other] = settings.map(quotas[provider]);
      assert.ok(one !== undefined && one.length > 0);
      assert.equal(one, other);
    });
  }
  for (const { name, provider, settings } of APART) {
    it(`of ${provider} is not shared by ${name}`, () => {
      const [one, other] = settings.map(quotas[provider]);
      assert.notEqual(one, other);
    });
  }
});
