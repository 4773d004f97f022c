import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SinkError, type SinkFailure, type SinkRecord } from '../../src/audit/sink.ts';
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

/** A file with what a crash may leave: whole records, and the beginning of one more. */
function tornFile(t: TestContext, torn: string) {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-file-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'audit.ndjson');
  const whole = sampleRecords(2);
  writeFileSync(path, Buffer.concat(whole.flatMap(({ line }) => [line, Buffer.from('\n')])));
  appendFileSync(path, torn);
  const sink = new FileSink({ path });
  t.after(() => sink.close());
  return { path, sink, whole };
}

const lineOf = (record: SinkRecord | undefined): string => Buffer.from(record?.line ?? []).toString();
const idsOf = (records: readonly { readonly id: string }[]): string[] => records.map(({ id }) => id);

const TORN = [
  { name: 'but for its line feed', cut: (line: string) => line },
  { name: 'in its middle', cut: (line: string) => line.slice(0, line.length / 2) },
  { name: 'after its first byte', cut: (line: string) => line.slice(0, 1) },
  { name: 'after more than is looked at at once', cut: () => lineOf(sampleRecords(1, 200_000)[0]).slice(0, 150_000) },
];

for (const { name, cut } of TORN) {
  test(`a record that was torn ${name} is cut off before the first one of a run is added`, async (t) => {
    const [again, next] = sampleRecords(2) as [SinkRecord, SinkRecord];
    const { path, sink, whole } = tornFile(t, cut(lineOf(again)));
    await sink.deliver([again]);
    await sink.deliver([next]);
    assert.deepEqual(idsOf(readLines(path)), idsOf([...whole, again, next]));
  });
}

test('a file that holds nothing but a torn record begins anew', async (t) => {
  const [again] = sampleRecords(1) as [SinkRecord];
  const { path, sink } = tornFile(t, '');
  writeFileSync(path, lineOf(again).slice(0, 100));
  await sink.deliver([again]);
  assert.deepEqual(idsOf(readLines(path)), [again.id]);
});

test("the end of a file that is somebody else's is not cut off, and nothing is added", async (t) => {
  const { path, sink } = tornFile(t, '{"key":"not ours"}');
  const before = readFileSync(path);
  await assert.rejects(
    sink.deliver(sampleRecords(1)),
    (error: unknown) => error instanceof SinkError && error.failure === 'misconfigured' && error.message.includes(path),
  );
  assert.deepEqual(readFileSync(path), before);
});
