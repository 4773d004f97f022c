import { randomUUID } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { REGION } from './local-kms.ts';

/** What a customer does in its own account: the administrator's side of KMS, which Keyside never takes. */
export class AwsAccount {
  readonly client: KMSClient;

  constructor(endpoint: string) {
    const credentials = { accessKeyId: 'AKIACUSTOMER', secretAccessKey: 'customer' };
    this.client = new KMSClient({ endpoint, region: REGION, credentials });
  }

  async createKey(options: { readonly KeySpec?: 'RSA_2048' } = {}): Promise<string> {
    const { KeyMetadata } = await this.client.send(new CreateKeyCommand({ ...options, KeyUsage: 'ENCRYPT_DECRYPT' }));
    return KeyMetadata?.Arn ?? '';
  }

  async createAlias(TargetKeyId: string): Promise<string> {
    const AliasName = `alias/acme-${randomUUID()}`;
    await this.client.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
    return AliasName;
  }

  async moveAlias(AliasName: string, TargetKeyId: string): Promise<void> {
    await this.client.send(new UpdateAliasCommand({ AliasName, TargetKeyId }));
  }

  async disable(KeyId: string): Promise<void> {
    await this.client.send(new DisableKeyCommand({ KeyId }));
  }

  async enable(KeyId: string): Promise<void> {
    await this.client.send(new EnableKeyCommand({ KeyId }));
  }

  async scheduleDeletion(KeyId: string): Promise<void> {
    await this.client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  }

  async stateOf(KeyId: string): Promise<string | undefined> {
    return (await this.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
  }

  close(): void {
    this.client.destroy();
  }
}
