import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SinkFailure } from '../../src/audit/sink.ts';
import { FileSink } from '../../src/audit/sinks/file/sink.ts';
import { type Received, sampleRecords, sinkContract } from './sink-contract.ts';

function readLines(path: string): Received[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => ({ id: JSON.parse(line).metadata.uid, line }));
}

sinkContract('file', {
  notApplicable: {
    unreachable: 'a file has no address; one that cannot be opened is misconfigured',
    hanging: 'a disk that hangs cannot be aborted',
    unauthorized: 'there are no credentials',
    forbidden: 'the tests may run as root, whom no file refuses',
    overloaded: 'a disk does not say so',
    refused: 'a file takes any line',
  },
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'keyside-file-sink-'));
    const path = join(folder, 'log', 'audit.ndjson');
    mkdirSync(join(folder, 'log'));
    return {
      sink: new FileSink({ path }),
      received: async () => readLines(path),
      answering: async (failure: SinkFailure) =>
        failure === 'misconfigured' ? new FileSink({ path: join(folder, 'no such folder', 'x') }) : undefined,
      outage: {
        down: async () => {
          renameSync(join(folder, 'log'), join(folder, 'gone'));
        },
        up: async () => {
          renameSync(join(folder, 'gone'), join(folder, 'log'));
        },
      },
      secrets: [],
      close: async () => rmSync(folder, { recursive: true }),
    };
  },
});

test('a file that was moved away is followed by a new one, readable by its owner alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-file-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'audit.ndjson');
  const sink = new FileSink({ path });
  t.after(() => sink.close());
  const [first, second] = [sampleRecords(2), sampleRecords(3)];
  await sink.deliver(first);
  renameSync(path, `${path}.1`);
  await sink.deliver(second);
  assert.equal(readLines(`${path}.1`).length, 2);
  assert.equal(readLines(path).length, 3);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
