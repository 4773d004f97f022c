import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DurableTrail, type DurableTrailOptions } from '../../../src/audit/durable-trail.ts';
import type { AuditEvent } from '../../../src/audit/event.ts';
import { nodeFileLayer } from '../../../src/audit/file-layer.ts';
import { readFrames } from '../../../src/audit/frame.ts';
import { parseTenantId } from '../../../src/core/ids.ts';

interface Found {
  readonly start: string;
  readonly kind: string;
  readonly tenant: string;
  readonly record: {
    unmapped: { readonly checkpoint?: { readonly statement: { readonly recovered?: true } }; readonly facts?: unknown };
    metadata: { sequence: number; uid: string };
  };
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'keyside-trail-'));
  t.after(() => rmSync(path, { recursive: true }));
  return join(path, 'audit');
}

function open(path: string, more: Partial<DurableTrailOptions> = {}): Promise<DurableTrail> {
  return DurableTrail.open({
    mode: 'required',
    directory: path,
    asyncWindowMs: 50,
    segmentBytes: 16_384,
    maxBytes: 1024 * 1024,
    maxAgeMs: 60_000,
    checkpointIntervalMs: 60_000,
    signingKeyFile: undefined,
    version: '1.2.3',
    files: nodeFileLayer,
    logger: { log: () => undefined },
    now: () => 1_790_000_000_000,
    ...more,
  });
}

const CALL = {
  callerId: 'app',
  requesterId: 'ann',
  requestId: 'r-1',
  traceId: '',
  sourceIp: '',
  dataLabel: '',
  purpose: '',
  objectId: '',
  subjectId: '',
  attributes: new Map<string, string>(),
};

function encrypted(tenantId: string, more: Partial<typeof CALL> = {}): AuditEvent {
  return {
    kind: 'encrypt',
    tenantId: parseTenantId(tenantId),
    call: { ...CALL, ...more },
    keys: [],
    fields: 1,
    bytes: 10,
    method: 'Encrypt',
    itemId: '',
    phase: 'whole',
    outcome: 'OK',
    durationMs: 1,
  };
}

function found(path: string): Found[] {
  const all: Found[] = [];
  for (const name of readdirSync(path)
    .filter((file) => file.endsWith('.seg'))
    .sort()) {
    let start = '';
    readFrames(readFileSync(join(path, name)), 0, (frame) => {
      if ('header' in frame) start = frame.header.start;
      else
        all.push({
          start,
          kind: frame.record.kind,
          tenant: frame.record.tenantId,
          record: JSON.parse(Buffer.from(frame.line).toString()),
        });
    });
  }
  return all;
}

test('what was recorded is durable when it is settled, and signed when sealed', async (t) => {
  const path = directory(t);
  const trail = await open(path);
  for (const tenant of ['acme', 'globex', 'acme']) trail.record(encrypted(tenant));
  await trail.settled();
  assert.deepEqual(
    found(path).map(({ kind, tenant, record }) => [kind, tenant, record.metadata.sequence, record.metadata.uid]),
    [
      ['encrypt', 'acme', 1, `${trail.source.start}-1`],
      ['encrypt', 'globex', 2, `${trail.source.start}-2`],
      ['encrypt', 'acme', 3, `${trail.source.start}-3`],
    ],
  );
  await trail.seal();
  await trail.close();
  const signed = found(path).slice(3);
  assert.deepEqual(
    new Set(signed.map(({ kind, tenant }) => `${kind} ${tenant}`)),
    new Set(['checkpoint ', 'checkpoint acme', 'checkpoint globex']),
  );
  assert.ok(existsSync(join(path, 'signing-key.pub.pem')));
  assert.equal(existsSync(join(path, 'lock')), false);
});

test('a run that ended well leaves nothing to recover; sidecar and key stay, the start is new', async (t) => {
  const path = directory(t);
  const first = await open(path);
  first.record(encrypted('acme'));
  await first.seal();
  await first.close();
  const before = found(path).length;
  const second = await open(path);
  second.record(encrypted('acme'));
  await second.settled();
  await second.close();
  assert.equal(found(path).length, before + 1);
  assert.equal(second.source.sidecar, first.source.sidecar);
  assert.equal(second.keyId, first.keyId);
  assert.notEqual(second.source.start, first.source.start);
});

test('what a run left unsigned is signed by the next one, a torn write counted', async (t) => {
  const path = directory(t);
  const first = await open(path);
  first.record(encrypted('acme'));
  first.record(encrypted('globex'));
  await first.settled();
  await first.close();
  appendFileSync(join(path, '000000000001.seg'), Buffer.from([0, 0, 0, 200, 1, 2, 3, 4, 5]));
  const second = await open(path);
  await second.settled();
  const after = found(path).slice(2);
  assert.deepEqual(
    after.map(({ start, kind, tenant }) => [start === first.source.start, kind, tenant]),
    [
      [true, 'checkpoint', 'acme'],
      [true, 'checkpoint', 'globex'],
      [true, 'checkpoint', ''],
      [false, 'lifecycle', ''],
    ],
  );
  assert.deepEqual(after[0]?.record.unmapped.checkpoint?.statement.recovered, true);
  assert.deepEqual(after[3]?.record.unmapped.facts, { start: first.source.start, records: 2, tornBytes: 9, checkpoint: 1 });
  await second.close();

  const third = await open(path);
  await third.settled();
  assert.deepEqual(
    found(path)
      .slice(6)
      .map(({ start, kind, tenant }) => [start === second.source.start, kind, tenant]),
    [
      [true, 'checkpoint', ''],
      [false, 'lifecycle', ''],
    ],
  );
  await third.close();
});

test('records after a checkpoint that was not completed are all signed by the next run', async (t) => {
  const path = directory(t);
  const first = await open(path);
  for (let round = 0; round < 3; round += 1) {
    for (const tenant of ['a', 'b', 'c']) first.record(encrypted(tenant));
    await first.seal();
  }
  first.record(encrypted('b'));
  await first.settled();
  await first.close();
  const second = await open(path);
  await second.settled();
  await second.close();
  const recovered = found(path).filter(({ record }) => record.unmapped.checkpoint?.statement.recovered === true);
  assert.deepEqual(new Set(recovered.map(({ tenant }) => tenant)), new Set(['b', '']));
});

test('another daemon may not use the directory', async (t) => {
  const path = directory(t);
  const trail = await open(path);
  await assert.rejects(open(path), /needs an audit.directory of its own/);
  await trail.close();
  await (await open(path)).close();
});

test('in mode async nothing waits, and records are there a moment later', async (t) => {
  const path = directory(t);
  const commits: number[] = [];
  const trail = await open(path, { mode: 'async', onCommit: ({ records }) => commits.push(records) });
  for (let count = 0; count < 5; count += 1) trail.record(encrypted('acme'));
  assert.equal(trail.settled(), undefined);
  assert.deepEqual(commits, []);
  await trail.close();
  assert.deepEqual(commits, [5]);
  assert.equal(found(path).length, 5);
});

test('a record that would be too long is refused, and the chain is as if it had not been', async (t) => {
  const path = directory(t);
  const trail = await open(path);
  assert.throws(() => trail.record(encrypted('acme', { purpose: 'x'.repeat(600_000) })), { reason: 'REQUEST_INVALID' });
  trail.record(encrypted('acme'));
  await trail.settled();
  assert.deepEqual(
    found(path).map(({ record }) => record.metadata.sequence),
    [1],
  );
  await trail.close();
});

test('a directory that cannot be used is said so at the start', async (t) => {
  const path = directory(t);
  await (await open(path)).close();
  rmSync(join(path, 'sidecar-id'));
  appendFileSync(join(path, 'sidecar-id'), '??');
  await assert.rejects(open(path), /sidecar-id holds no sidecar id/);
  assert.equal(existsSync(join(path, 'lock')), false);
});
