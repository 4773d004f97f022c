import assert from 'node:assert/strict';
import { constants, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeFileLayer } from '../../../src/audit/file-layer.ts';

for (const isLog of [false, true]) {
  test(`what is written to a ${isLog ? 'log' : 'file'} that was removed does not count as durable`, async (t) => {
    const path = join(folderOf(t), 'file');
    const file = await nodeFileLayer.create(path, isLog);
    t.after(() => file.close());
    await file.write(Buffer.from('one'), 0);
    await file.datasync();
    await nodeFileLayer.remove(path);
    await file.write(Buffer.from('two'), 3);
    await assert.rejects(file.datasync(), { code: 'ENOENT' });
  });
}

const notLinux = process.platform !== 'linux' && 'elsewhere a log is synced by fdatasync, as every file';

test('the system makes each write to a log durable by itself, and no other', { skip: notLinux }, async (t) => {
  for (const isLog of [true, false]) {
    const path = join(folderOf(t), 'file');
    const file = await nodeFileLayer.create(path, isLog);
    t.after(() => file.close());
    assert.equal((flagsOf(path) & constants.O_DSYNC) !== 0, isLog);
  }
});

/** What a file that this process has open was opened with. */
function flagsOf(path: string): number {
  const fds = readdirSync('/proc/self/fd').filter((fd) => pathOf(fd) === path);
  assert.equal(fds.length, 1);
  return Number.parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fds[0]}`, 'utf8'))?.[1] ?? '', 8);
}

/** Undefined where it was closed meanwhile. */
function pathOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
