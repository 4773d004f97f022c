import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Spool } from '../../../src/audit/spool.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { type LoggedLine, readSpool, recordNumber, spoolOptions } from '../../fakes/spools.ts';

const LINE = JSON.stringify({ text: 'x'.repeat(200) });

function append(spool: Spool, from: number, to: number): void {
  for (let sequence = from; sequence <= to; sequence += 1) spool.append(recordNumber(sequence), LINE);
}

function disk(): ForgetfulFiles {
  return new ForgetfulFiles({ random: () => 0 });
}

async function sequences(files: ForgetfulFiles): Promise<number[]> {
  return (await readSpool(files)).flatMap((segment) => segment.sequences);
}

test('what was appended in one turn is one commit, and is there after the power went', async () => {
  const files = disk();
  const commits: number[] = [];
  const spool = await Spool.open(spoolOptions(files, { onCommit: ({ records }) => commits.push(records) }));
  append(spool, 1, 10);
  await spool.settled();
  assert.deepEqual(commits, [10]);
  assert.equal(spool.settled(), undefined);
  const [segment] = await readSpool(files.crash());
  assert.deepEqual(segment?.header, { sidecar: 'sidecar-1', start: 'start-1', segment: 1 });
  assert.deepEqual(segment?.sequences, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('what was appended while a commit was under way is the next commit', async () => {
  const files = disk();
  const commits: number[] = [];
  const spool = await Spool.open(spoolOptions(files, { onCommit: ({ records }) => commits.push(records) }));
  append(spool, 1, 1);
  const first = spool.settled();
  await turn();
  await turn();
  append(spool, 2, 5);
  const second = spool.settled();
  assert.notEqual(first, second);
  await first;
  assert.deepEqual(commits, [1]);
  await second;
  assert.deepEqual(commits, [1, 4]);
});

test('segments are closed at their size and carry on their numbers after a restart', async () => {
  const files = disk();
  const spool = await Spool.open(spoolOptions(files));
  for (let sequence = 1; sequence <= 40; sequence += 1) {
    append(spool, sequence, sequence);
    await spool.settled();
  }
  await spool.close();
  const before = await readSpool(files);
  assert.ok(before.length >= 3, `${before.length} segments`);
  const next = await Spool.open(spoolOptions(files, { start: 'start-2' }));
  append(next, 1, 1);
  await next.settled();
  const after = await readSpool(files);
  assert.deepEqual(after.at(-1), {
    header: { sidecar: 'sidecar-1', start: 'start-2', segment: before.length + 1 },
    sequences: [1],
    stop: 'end',
  });
});

for (const [operation, code] of [
  ['write', 'ENOSPC'],
  ['datasync', 'EIO'],
  ['create', 'EROFS'],
] as const) {
  test(`${code} of ${operation}: waiters are told, nothing more is taken, and all of it is written later`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const files = disk();
    const log: LoggedLine[] = [];
    const spool = await Spool.open(spoolOptions(files, { log }));
    append(spool, 1, 2);
    if (operation !== 'create') await spool.settled();
    files.fail({ operation, code });
    append(spool, 3, 4);
    await assert.rejects(async () => spool.settled(), { reason: 'AUDIT_UNAVAILABLE', message: new RegExp(code) });
    assert.throws(() => spool.assertAvailable(), { reason: 'AUDIT_UNAVAILABLE' });
    await assert.rejects(async () => spool.settled(), { reason: 'AUDIT_UNAVAILABLE' });
    files.fail(undefined);
    t.mock.timers.tick(1_000);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    spool.assertAvailable();
    append(spool, 5, 5);
    await spool.settled();
    assert.deepEqual(await sequences(files.crash()), [1, 2, 3, 4, 5]);
    assert.deepEqual(
      log.filter(({ level }) => level !== 'warn').map(({ message }) => message),
      ['the audit trail cannot be written', 'the audit trail can be written again'],
    );
  });
}

test('those who appended while a failing attempt was under way are told too', async () => {
  const files = disk();
  const spool = await Spool.open(spoolOptions(files));
  files.fail({ operation: 'datasync', code: 'EIO' });
  append(spool, 1, 1);
  const first = spool.settled();
  await turn();
  await turn();
  append(spool, 2, 2);
  const second = spool.settled();
  await assert.rejects(async () => first, { reason: 'AUDIT_UNAVAILABLE' });
  await assert.rejects(async () => second, { reason: 'AUDIT_UNAVAILABLE' });
  files.fail(undefined);
  await spool.close();
  assert.deepEqual(await sequences(files.crash()), [1, 2]);
});

test('old segments go when room is needed, but none that a sink still needs', async () => {
  const files = disk();
  const spool = await Spool.open(spoolOptions(files, { maxBytes: 16_384 }));
  for (let sequence = 1; sequence <= 100; sequence += 1) {
    append(spool, sequence, sequence);
    await spool.settled();
  }
  const kept = await sequences(files);
  assert.ok(spool.bytes <= 16_384);
  assert.ok((kept[0] ?? 0) > 1);
  assert.equal(kept.at(-1), 100);

  spool.progress.needed = 1;
  let last = 100;
  await assert.rejects(
    async () => {
      for (;;) {
        append(spool, last + 1, last + 1);
        await spool.settled();
        last += 1;
      }
    },
    { reason: 'AUDIT_UNAVAILABLE', message: /no sink has taken the oldest/ },
  );
  assert.ok(last < 200, 'the spool grew without end');
  assert.deepEqual((await sequences(files))[0], kept[0]);
  await assert.rejects(async () => spool.close(), { reason: 'AUDIT_UNAVAILABLE' });
});

test('what nobody needs goes when it is old', async () => {
  const files = disk();
  const spool = await Spool.open(spoolOptions(files, { maxAgeMs: -1 }));
  for (let sequence = 1; sequence <= 40; sequence += 1) {
    append(spool, sequence, sequence);
    await spool.settled();
  }
  await spool.tidy();
  const left = await readSpool(files);
  assert.equal(left.length, 1);
  assert.equal(left[0]?.sequences.at(-1), 40);
});

test('more than may wait in memory is refused before it is taken', async () => {
  const spool = await Spool.open(spoolOptions(disk(), { maxPendingBytes: 1_000 }));
  append(spool, 1, 5);
  assert.throws(() => spool.assertAvailable(), { reason: 'AUDIT_UNAVAILABLE', message: /wait to be written/ });
  await spool.settled();
  spool.assertAvailable();
});

test('with a delay, records wait for it together; closing does not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const files = disk();
  const commits: number[] = [];
  const spool = await Spool.open(spoolOptions(files, { commitDelayMs: 200, onCommit: ({ records }) => commits.push(records) }));
  append(spool, 1, 1);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  append(spool, 2, 2);
  assert.deepEqual(commits, []);
  t.mock.timers.tick(200);
  await spool.settled();
  assert.deepEqual(commits, [2]);
  append(spool, 3, 3);
  await spool.close();
  assert.deepEqual(await sequences(files.crash()), [1, 2, 3]);
  assert.throws(() => spool.assertAvailable(), { reason: 'AUDIT_UNAVAILABLE', message: /closed/ });
});
