import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { credentialsOf } from '../../../aws/credentials.ts';
import { awsFailure } from '../../aws-failure.ts';
import type { S3SinkSettings } from './config.ts';

/** One bucket. */
export class S3Bucket {
  readonly #client: S3Client;
  readonly #settings: S3SinkSettings;

  constructor(settings: S3SinkSettings) {
    const { region, endpoint, credentials, forcePathStyle } = settings;
    this.#settings = settings;
    this.#client = new S3Client({
      region,
      forcePathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      credentials: credentialsOf(credentials, { region, handler: () => undefined }),
      maxAttempts: 1, // the courier tries again
      requestHandler: { connectionTimeout: 3_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    });
  }

  /**
   * Puts an object of compressed lines, with a checksum that the service compares.
   * @throws {SinkError}
   */
  async put(key: string, body: Uint8Array, abortSignal: AbortSignal): Promise<void> {
    const { bucket, prefix, kmsKeyId } = this.#settings;
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: `${prefix}${key}`,
      Body: body,
      ChecksumAlgorithm: 'SHA256',
      ContentType: 'application/x-ndjson',
      ContentEncoding: 'gzip',
      ...(kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId }),
    });
    try {
      await this.#client.send(command, { abortSignal });
    } catch (error) {
      throw awsFailure(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
