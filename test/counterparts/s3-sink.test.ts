import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { AuditSink } from '../../src/audit/sink.ts';
import { s3SinkSchema } from '../../src/audit/sinks/s3/config.ts';
import { S3Sink } from '../../src/audit/sinks/s3/sink.ts';
import type { AwsCredentials } from '../../src/aws/config.ts';
import { type Received, sampleRecords, sinkContract } from '../contract/sink-contract.ts';
import { type Answers, awsSinkSubject, credentialsIn } from './aws-sinks.ts';
import { startCounterpart } from './harness.ts';
import { MOTO } from './moto.ts';

const REGION = 'us-east-1';
const moto = await startCounterpart(MOTO);
let buckets = 0;

function failure(status: number, code: string): { status: number; headers: Record<string, string>; body: string } {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as scripted</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

const ANSWERS: Answers = {
  unauthorized: failure(403, 'InvalidAccessKeyId'),
  forbidden: failure(403, 'AccessDenied'),
  overloaded: failure(503, 'SlowDown'),
  misconfigured: failure(404, 'NoSuchBucket'),
  refused: failure(400, 'InvalidRequest'),
};

function openSink(bucket: string) {
  return (endpoint: string, credentials: AwsCredentials): AuditSink =>
    S3Sink.open(s3SinkSchema.parse({ region: REGION, bucket, endpoint, credentials, forcePathStyle: true }));
}

if ('missing' in moto) {
  test('s3 keeps the contract of a sink', { skip: moto.missing });
} else {
  const credentials = { accessKeyId: 'reader', secretAccessKey: 'reader' };
  const reader = new S3Client({ region: REGION, endpoint: moto.url, credentials, forcePathStyle: true });

  const readObjects = async (Bucket: string): Promise<{ key: string; lines: string[] }[]> => {
    const { Contents = [] } = await reader.send(new ListObjectsV2Command({ Bucket }));
    return await Promise.all(
      Contents.map(async ({ Key = '' }) => {
        const { Body } = await reader.send(new GetObjectCommand({ Bucket, Key }));
        const text = gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array(0)).toString();
        return { key: Key, lines: text.split('\n').slice(0, -1) };
      }),
    );
  };

  /** The objects of a bucket lie by tenant and hour: the order is that of the records' numbers. */
  const readRecords = async (bucket: string): Promise<Received[]> => {
    const all = (await readObjects(bucket)).flatMap(({ lines }) => lines).map((line) => ({ line, parsed: JSON.parse(line) }));
    return all
      .sort((one, other) => startOrder(one.parsed) - startOrder(other.parsed))
      .map(({ line, parsed }) => ({ id: parsed.metadata.uid, line }));
  };

  const makeBucket = async (): Promise<string> => {
    buckets += 1;
    const Bucket = `keyside-test-${buckets}`;
    await reader.send(new CreateBucketCommand({ Bucket }));
    return Bucket;
  };

  sinkContract('s3 before moto', {
    notApplicable: {},
    async open() {
      const bucket = await makeBucket();
      return awsSinkSubject({ endpoint: moto.url, answers: ANSWERS }, openSink(bucket), () => readRecords(bucket));
    },
  });

  test('objects lie by tenant and hour; delivered again, they have the same names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-s3-sink-'));
    after(() => rmSync(folder, { recursive: true }));
    const bucket = await makeBucket();
    const sink = openSink(bucket)(moto.url, credentialsIn(folder));
    const timeMs = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
    const records = sampleRecords(4).map((record, at) => ({ ...record, timeMs: timeMs + Math.floor(at / 2) }));
    const [start] = (records[0]?.id ?? '').split('-');
    for (let time = 0; time < 2; time += 1) await sink.deliver(records, AbortSignal.timeout(20_000));
    assert.deepEqual(
      (await readObjects(bucket)).map(({ key, lines }) => [key, lines.length]),
      [
        [`keyside/tenant=_daemon/date=2026-01-31/hour=23/${start}-0000000000000001.ndjson.gz`, 1],
        [`keyside/tenant=_daemon/date=2026-02-01/hour=00/${start}-0000000000000004.ndjson.gz`, 1],
        [`keyside/tenant=acme/date=2026-01-31/hour=23/${start}-0000000000000002.ndjson.gz`, 1],
        [`keyside/tenant=acme/date=2026-02-01/hour=00/${start}-0000000000000003.ndjson.gz`, 1],
      ],
    );
    await sink.close();
  });
}

/** Starts of the samples are numbered; records within them too. */
function startOrder({ metadata }: { readonly metadata: { readonly uid: string; readonly sequence: number } }): number {
  const [start = ''] = metadata.uid.split('-');
  return Number(start.split('x')[1]) * 1_000_000 + metadata.sequence;
}
