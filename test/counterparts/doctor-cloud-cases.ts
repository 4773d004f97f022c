import { randomUUID } from 'node:crypto';
import { after } from 'node:test';
import { AwsStub } from '../fakes/kms-aws-stub.ts';
import { credentialsFile } from '../unit/kms/aws/aws-samples.ts';
import { CLIENT_SECRET, settingsFor } from '../unit/kms/azure/azure-samples.ts';
import { AzureStub, vaultError } from '../unit/kms/azure/azure-stub.ts';
import { AwsAccount } from './aws-account.ts';
import { type Cases, WHO } from './doctor-patient.ts';
import { GcpAccount } from './gcp-account.ts';
import { GcpFront } from './gcp-front.ts';
import { GCP_KMS_EMULATOR } from './gcp-kms-emulator.ts';
import { startCounterpart } from './harness.ts';
import { LOCAL_KMS, REGION } from './local-kms.ts';

const AWS_SECRET = 'SECRETEXAMPLE';

/** AWS KMS by local-kms; what needs IAM or a firewall by a stub of answers. */
export async function awsCases(): Promise<Cases> {
  const started = await startCounterpart(LOCAL_KMS);
  if ('missing' in started) return started;
  const account = new AwsAccount(started.url);
  const credentials = { source: 'file', file: await credentialsFile() };
  const [refusing, silent] = [await AwsStub.start(() => DENIED), await AwsStub.start(() => 'hang')];
  after(async () => {
    account.close();
    await Promise.all([refusing.stop(), silent.stop()]);
  });
  const at = (keyId: string, endpoint = started.url) => ({ keyId, region: REGION, endpoint, credentials });
  const changed = async (change: (keyId: string) => Promise<void>) => {
    const keyId = await account.createKey();
    await change(keyId);
    return at(keyId);
  };
  const aws = { provider: 'aws', secrets: [AWS_SECRET] } as const;
  return [
    {
      ...aws,
      name: 'the ARN of a key that is not in this account and region',
      break: async () => at(`arn:aws:kms:${REGION}:111122223333:key/${randomUUID()}`),
      reason: 'KEY_NOT_FOUND',
      who: WHO.operator,
      says: [/account and region of `keyId`/],
    },
    {
      ...aws,
      name: 'a key that its owner disabled',
      break: () => changed((keyId) => account.disable(keyId)),
      reason: 'KEY_REVOKED',
      who: WHO.customer,
      says: [/enable the key in AWS KMS/],
    },
    {
      ...aws,
      name: 'a key that is to be deleted',
      break: () => changed((keyId) => account.scheduleDeletion(keyId)),
      reason: 'KEY_REVOKED',
      who: WHO.customer,
      says: [/cancel its deletion/],
    },
    {
      ...aws,
      name: 'a role without permission on the key',
      break: async () => at(await account.createKey(), refusing.url),
      reason: 'KEY_ACCESS_DENIED',
      who: WHO.both,
      says: [/key policy must allow kms:Encrypt, kms:Decrypt, kms:GenerateDataKey and kms:DescribeKey/],
    },
    {
      ...aws,
      name: 'a firewall that swallows what is sent',
      break: async () => at(await account.createKey(), silent.url),
      reason: 'KMS_TIMEOUT',
      who: WHO.weather,
      says: [/open port 443 .*: a firewall/],
    },
  ];
}

const DENIED = { status: 400, body: { __type: 'AccessDeniedException', message: 'not authorized to perform this' } };

/** Cloud KMS by gcp-kms-emulator behind the front. */
export async function gcpCases(): Promise<Cases> {
  const started = await startCounterpart(GCP_KMS_EMULATOR);
  if ('missing' in started) return started;
  const account = new GcpAccount(started.url);
  const front = await GcpFront.start(account);
  after(async () => {
    account.close();
    await front.stub.stop();
  });
  const at = (keyName: string) => ({ keyName, endpoint: front.stub.url });
  return [
    {
      name: 'a key version that its owner disabled',
      provider: 'gcp',
      break: async () => {
        const keyName = await account.createKey();
        await account.setState(`${keyName}/cryptoKeyVersions/1`, 'DISABLED');
        return at(keyName);
      },
      reason: 'KEY_REVOKED',
      who: WHO.customer,
      says: [/enable the key version in Cloud KMS/],
    },
    {
      name: 'a key of another project',
      provider: 'gcp',
      break: async () => at((await account.createKey()).replace('acme-prod', 'acme-test')),
      reason: 'KEY_NOT_FOUND',
      who: WHO.operator,
      says: [/check project, location, key ring and key in `keyName`/],
    },
  ];
}

/** Key Vault by a stub of its answers: no registry hands an emulator out. */
export async function azureCases(): Promise<Cases> {
  const [wrongVault, walled] = [
    await AzureStub.start(() => vaultError('KeyNotFound', 'A key with (name/id) keyside was not found in this key vault.', 404)),
    await AzureStub.start(() => vaultError('Forbidden/ForbiddenByFirewall', 'Client address is not authorized.')),
  ];
  after(() => Promise.all([wrongVault.stop(), walled.stop()]));
  const azure = { provider: 'azure', secrets: [CLIENT_SECRET] } as const;
  return [
    {
      ...azure,
      name: 'another vault than that of the key',
      break: async () => settingsFor(wrongVault.url),
      reason: 'KEY_NOT_FOUND',
      who: WHO.operator,
      says: [/check `vaultUrl`, `keyName` and `keyVersion`/],
    },
    {
      ...azure,
      name: 'a vault whose firewall does not know the daemon',
      break: async () => settingsFor(walled.url),
      reason: 'KEY_ACCESS_DENIED',
      who: WHO.both,
      says: [/ForbiddenByFirewall/, /wrapKey and unwrapKey on keys; then check the firewall of the vault/],
    },
  ];
}
