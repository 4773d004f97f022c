import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SpoolLock } from '../../../src/audit/spool-lock.ts';

function directory(t: TestContext): { path: string; file: string } {
  const path = mkdtempSync(join(tmpdir(), 'keyside-lock-'));
  t.after(() => rmSync(path, { recursive: true }));
  return { path, file: join(path, 'lock') };
}

test('one process at a time has the lock, and gives it back', async (t) => {
  const { path, file } = directory(t);
  const lock = await SpoolLock.take(path);
  await assert.rejects(SpoolLock.take(path), new RegExp(`process ${process.pid} on .* writes to ${path}`));
  await lock.release();
  assert.equal(existsSync(file), false);
  await (await SpoolLock.take(path)).release();
});

test('the lock of a process that ended, or whose number another one has now, is taken over', async (t) => {
  const { path, file } = directory(t);
  const here = { id: 'x', startedAt: '1', host: hostname(), namespace: readlinkSync('/proc/self/ns/pid') };
  const ended = Number(execFileSync(process.execPath, ['-p', 'process.pid']));
  writeFileSync(file, JSON.stringify({ ...here, pid: ended }));
  await (await SpoolLock.take(path)).release();
  writeFileSync(file, JSON.stringify({ ...here, pid: process.pid }));
  await (await SpoolLock.take(path)).release();
  writeFileSync(file, '{"id":"to');
  await (await SpoolLock.take(path)).release();
});

for (const [where, place] of [
  ['of another host', { host: 'elsewhere', namespace: 'pid:[1]' }],
  ['of another container of this host', { host: hostname(), namespace: 'pid:[1]' }],
] as const) {
  test(`a process ${where} is watched: it counts whether it shows itself`, async (t) => {
    const { path, file } = directory(t);
    writeFileSync(file, JSON.stringify({ id: 'x', pid: process.pid, startedAt: '1', ...place }));
    const beat = setInterval(() => utimesSync(file, new Date(), new Date()), 20);
    await assert.rejects(SpoolLock.take(path, 1_000), new RegExp(`process ${process.pid} on ${place.host}`));
    clearInterval(beat);
    await (await SpoolLock.take(path, 200)).release();
  });
}

test('whoever lost the lock while it was stopped does not go on writing', async (t) => {
  t.mock.method(performance, 'now', () => nowMs);
  let nowMs = 1_000;
  const { path, file } = directory(t);
  const lock = await SpoolLock.take(path);
  assert.equal(lock.assertHeld(), undefined);
  nowMs += 60_000;
  await lock.assertHeld();
  assert.equal(lock.assertHeld(), undefined);
  writeFileSync(file, JSON.stringify({ id: 'other', pid: 1, startedAt: '1', host: 'elsewhere', namespace: '' }));
  nowMs += 60_000;
  await assert.rejects(async () => lock.assertHeld(), /another process's by now/);
  await assert.rejects(async () => lock.assertHeld(), /another process's by now/);
  await lock.release();
});

test('a lock that another has taken over is not given back', async (t) => {
  const { path, file } = directory(t);
  const lock = await SpoolLock.take(path);
  const other = JSON.stringify({ id: 'other', pid: 1, startedAt: '1', host: 'elsewhere', namespace: '' });
  writeFileSync(file, other);
  await lock.release();
  assert.equal(readFileSync(file, 'utf8'), other);
});
