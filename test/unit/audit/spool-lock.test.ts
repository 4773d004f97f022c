import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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
  const ended = Number(execFileSync(process.execPath, ['-p', 'process.pid']));
  writeFileSync(file, JSON.stringify({ id: 'x', pid: ended, startedAt: '1', host: hostname() }));
  await (await SpoolLock.take(path)).release();
  writeFileSync(file, JSON.stringify({ id: 'x', pid: process.pid, startedAt: '1', host: hostname() }));
  await (await SpoolLock.take(path)).release();
  writeFileSync(file, '{"id":"to');
  await (await SpoolLock.take(path)).release();
});

test('of another host it counts whether it has shown itself lately', async (t) => {
  const { path, file } = directory(t);
  writeFileSync(file, JSON.stringify({ id: 'x', pid: 1, startedAt: '1', host: 'elsewhere' }));
  await assert.rejects(SpoolLock.take(path), /process 1 on elsewhere/);
  const before = new Date(Date.now() - 60_000);
  utimesSync(file, before, before);
  await (await SpoolLock.take(path)).release();
});

test('a lock that another has taken over is not given back', async (t) => {
  const { path, file } = directory(t);
  const lock = await SpoolLock.take(path);
  const other = JSON.stringify({ id: 'other', pid: 1, startedAt: '1', host: 'elsewhere' });
  writeFileSync(file, other);
  await lock.release();
  assert.equal(readFileSync(file, 'utf8'), other);
});
