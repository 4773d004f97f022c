import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { AuditSink } from '../../src/audit/sink.ts';
import { cloudwatchLogsSinkSchema } from '../../src/audit/sinks/cloudwatch-logs/config.ts';
import { CloudwatchLogsSink } from '../../src/audit/sinks/cloudwatch-logs/sink.ts';
import type { AwsCredentials } from '../../src/aws/config.ts';
import { type Received, sinkContract } from '../contract/sink-contract.ts';
import { type Answers, awsSinkSubject } from './aws-sinks.ts';
import { startCounterpart } from './harness.ts';
import { MOTO } from './moto.ts';

const REGION = 'eu-central-1';
const moto = await startCounterpart(MOTO);
let groups = 0;

function failure(status: number, name: string): { status: number; headers: Record<string, string>; body: string } {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': name },
    body: JSON.stringify({ __type: name, message: 'as scripted' }),
  };
}

const ANSWERS: Answers = {
  unauthorized: failure(400, 'UnrecognizedClientException'),
  forbidden: failure(400, 'AccessDeniedException'),
  overloaded: failure(400, 'ThrottlingException'),
  misconfigured: failure(400, 'ResourceNotFoundException'),
  refused: failure(400, 'InvalidParameterException'),
};

function openSink(logGroup: string) {
  return (endpoint: string, credentials: AwsCredentials): AuditSink =>
    CloudwatchLogsSink.open(cloudwatchLogsSinkSchema.parse({ region: REGION, logGroup, endpoint, credentials }), 'sidecar1');
}

if ('missing' in moto) {
  test('cloudwatch-logs keeps the contract of a sink', { skip: moto.missing });
} else {
  const credentials = { accessKeyId: 'reader', secretAccessKey: 'reader' };
  const reader = new CloudWatchLogsClient({ region: REGION, endpoint: moto.url, credentials });

  const readEvents = async (logGroupName: string): Promise<Received[]> => {
    const found: Received[] = [];
    let nextToken: string | undefined;
    for (;;) {
      const page = await reader.send(
        new GetLogEventsCommand({ logGroupName, logStreamName: 'keyside-sidecar1', startFromHead: true, nextToken }),
      );
      for (const { message = '' } of page.events ?? []) found.push({ id: JSON.parse(message).metadata.uid, line: message });
      if (page.nextForwardToken === nextToken || (page.events ?? []).length === 0) return found;
      nextToken = page.nextForwardToken;
    }
  };

  sinkContract('cloudwatch-logs before moto', {
    notApplicable: {},
    async open() {
      groups += 1;
      const logGroupName = `/keyside/test-${groups}`;
      await reader.send(new CreateLogGroupCommand({ logGroupName }));
      return awsSinkSubject({ endpoint: moto.url, answers: ANSWERS }, openSink(logGroupName), () => readEvents(logGroupName));
    },
  });

  test('the stream of a sidecar is made with its first records', async () => {
    const { logStreams } = await reader.send(new DescribeLogStreamsCommand({ logGroupName: '/keyside/test-1' }));
    assert.deepEqual(
      logStreams?.map(({ logStreamName }) => logStreamName),
      ['keyside-sidecar1'],
    );
  });
}
