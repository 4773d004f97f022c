import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigurationError } from '../../src/config/fault.ts';
import { type ReloadReport, type TenantsWatch, watchTenants } from '../../src/config/tenants-watch.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { ReaderProcess } from '../../src/main/reader-process.ts';
import { TenantDirectory } from '../../src/tenants/directory.ts';

/** Long enough that only hints of the file system, or `rescan`, can be what made a reload. */
const NEVER_MS = 3_600_000;

const DEADLINE_MS = 30_000;

let root: string;
let directory: TenantDirectory;
let watch: TenantsWatch | undefined;
let reports: ReloadReport[];
let troubles: Error[];
let slices: number;
let readers: ReaderProcess[];
let onEvent: () => void;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyside-reload-'));
  directory = new TenantDirectory();
  reports = [];
  troubles = [];
  slices = 0;
  readers = [];
  onEvent = () => undefined;
});

afterEach(async () => {
  await watch?.close();
  watch = undefined;
  rmSync(root, { recursive: true });
});

interface Start {
  readonly rescanIntervalMs?: number;
  readonly mostAtRest?: number;
}

/** Unless told otherwise the process that reads lives on: else each change would wait for a new one to start. */
function start(path: string, { rescanIntervalMs = NEVER_MS, mostAtRest = 0 }: Start = {}): Promise<ReloadReport> {
  watch = watchTenants({
    path,
    rescanIntervalMs,
    onChange: (changes) => {
      slices += 1;
      directory.apply(changes);
      onEvent();
    },
    onReload: (report) => {
      reports.push(report);
      onEvent();
    },
    onTrouble: (error) => {
      troubles.push(error);
      onEvent();
    },
    timing: { removalGraceMs: 200, restartDelayMs: 10, mostAtRest },
    startReader: () => {
      const reader = new ReaderProcess();
      readers.push(reader);
      return reader;
    },
  });
  return watch.load();
}

function killReader(): void {
  process.kill(readers.at(-1)?.pid ?? assert.fail('a reader runs'), 'SIGKILL');
}

/** Resolves when an event of the watch finds the claim true. */
function until(claim: () => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const deadline = setTimeout(() => reject(new Error(`not within ${DEADLINE_MS} ms: ${claim}`)), DEADLINE_MS);
  onEvent = () => {
    if (!claim()) return;
    clearTimeout(deadline);
    resolve();
  };
  onEvent();
  return promise;
}

const tenants = (...ids: string[]): string => `tenants: {${ids.map((id) => `${id}: {}`).join(', ')}}\n`;
const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
const ids = (): string =>
  [...directory]
    .map(({ id }) => id)
    .sort()
    .join(' ');

test('a folder is loaded, and a changed file is seen without waiting for the rescan', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  const report = await start(root);
  assert.deepEqual([report.tenants, report.files, report.parsedFiles, report.faults.length], [2, 2, 2, 0]);
  assert.equal(ids(), 'a b');
  const before = directory.get(parseTenantId('b')).generation;
  write('a.yaml', tenants('a', 'c'));
  await until(() => ids() === 'a b c');
  assert.equal(directory.get(parseTenantId('b')).generation, before);
});

test('files that come, are renamed into place, and go are seen', async () => {
  write('a.yaml', tenants('a'));
  await start(root);
  write('b.yaml', tenants('b'));
  await until(() => ids() === 'a b');
  write('.new', tenants('a', 'renamed'));
  renameSync(join(root, '.new'), join(root, 'a.yaml'));
  await until(() => ids() === 'a b renamed');
  rmSync(join(root, 'b.yaml'));
  await until(() => ids() === 'a renamed');
});

test('a broken file is reported with all its faults, serves its last version, and is taken over once mended', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  await start(root);
  write('a.yaml', 'tenants: {a: 1, "x y": {}}\n');
  await until(() => reports.length === 1);
  assert.deepEqual(
    reports[0]?.faults.map(({ line, column, path }) => `${line}:${column} ${path}`),
    ['1:14 tenants.a', '1:17 tenants["x y"]'],
  );
  assert.equal(ids(), 'a b');
  write('b.yaml', tenants('b', 'c'));
  await until(() => reports.length === 2);
  assert.equal(ids(), 'a b c');
  assert.equal(watch?.faults.length, 2);
  write('a.yaml', tenants('a', 'd'));
  await until(() => reports.length === 3);
  assert.equal(ids(), 'a b c d');
  assert.deepEqual(watch?.faults, []);
});

test("Kubernetes' swap of a volume is seen, for a folder and for a single file", async () => {
  for (const path of ['.', 'tenants.yaml']) {
    const folder = join(root, `volume-${path}`);
    mkdirSync(join(folder, '..one'), { recursive: true });
    writeFileSync(join(folder, '..one', 'tenants.yaml'), tenants('before'));
    symlinkSync('..one', join(folder, '..data'));
    symlinkSync(join('..data', 'tenants.yaml'), join(folder, 'tenants.yaml'));
    directory = new TenantDirectory();
    await start(join(folder, path));
    assert.equal(ids(), 'before');
    mkdirSync(join(folder, '..two'));
    writeFileSync(join(folder, '..two', 'tenants.yaml'), tenants('after'));
    symlinkSync('..two', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, '..one'), { recursive: true });
    await until(() => ids() === 'after');
    await watch?.close();
  }
});

test('a single file is watched through deletion and return', async () => {
  write('t.yaml', tenants('a'));
  await start(join(root, 't.yaml'));
  rmSync(join(root, 't.yaml'));
  await until(() => (watch?.faults.length ?? 0) === 1);
  assert.equal(ids(), 'a');
  write('t.yaml', tenants('b'));
  await until(() => ids() === 'b' && watch?.faults.length === 0);
});

test('a folder that is replaced as a whole is watched on', async () => {
  mkdirSync(join(root, 'tenants'));
  write('tenants/a.yaml', tenants('a'));
  await start(join(root, 'tenants'));
  mkdirSync(join(root, 'next'));
  write('next/a.yaml', tenants('b'));
  renameSync(join(root, 'tenants'), join(root, 'old'));
  renameSync(join(root, 'next'), join(root, 'tenants'));
  await until(() => ids() === 'b');
  write('tenants/a.yaml', tenants('c'));
  await until(() => ids() === 'c');
});

test('the rescan finds what no hint told of, and so does being asked for one', async () => {
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  mkdirSync(join(root, 'tenants'));
  writeFileSync(join(elsewhere, 'a.yaml'), tenants('a'));
  symlinkSync(join(elsewhere, 'a.yaml'), join(root, 'tenants', 'a.yaml'));
  await start(join(root, 'tenants'), { rescanIntervalMs: 50 });
  writeFileSync(join(elsewhere, 'a.yaml'), tenants('b'));
  await until(() => ids() === 'b');
  await watch?.close();
  await start(join(root, 'tenants'));
  writeFileSync(join(elsewhere, 'a.yaml'), tenants('c'));
  watch?.rescan();
  await until(() => ids() === 'c');
});

test('any fault ends the first load, with every fault of every file and nothing handed out', async () => {
  write('a.yaml', 'tenants: {a: {keys: 1, more: 2}}\n');
  write('b.yaml', tenants('b'));
  write('c.yaml', tenants('b'));
  await assert.rejects(start(root), (error: unknown) => {
    assert.ok(error instanceof ConfigurationError);
    assert.match(error.message, /a.yaml:1:21: .*\n.*a.yaml:1:24: .*\n.*c.yaml:1:11: tenants.b: is configured in .*b.yaml too$/);
    return true;
  });
  assert.equal(slices, 0);
});

test('a missing path ends the first load', async () => {
  await assert.rejects(start(join(root, 'nowhere')), /nowhere: cannot be read: no such file or folder/);
});

test('two thousand tenants in two thousand files come in slices', async () => {
  for (let at = 0; at < 2_000; at += 1) write(`${at}.yaml`, tenants(`t${at}`));
  const report = await start(root);
  assert.deepEqual([report.tenants, report.parsedFiles, directory.size], [2_000, 2_000, 2_000]);
  assert.ok(slices >= 4, `${slices}`);
  write('7.yaml', tenants('t7', 'new'));
  await until(() => reports.length === 1);
  assert.equal(directory.size, 2_001);
  assert.equal(reports[0]?.parsedFiles, 1);
});

test('an error of whoever takes the changes is reported and ends nothing', async () => {
  write('a.yaml', tenants('a'));
  await start(root);
  directory.onChange(() => {
    throw new Error('broken listener');
  });
  write('a.yaml', tenants('a', 'b'));
  await until(() => reports.length === 1);
  assert.equal(troubles.length, 1);
  assert.ok(troubles[0]?.cause instanceof AggregateError);
  write('a.yaml', tenants('a', 'b', 'c'));
  await until(() => ids() === 'a b c');
});

test('a reader that ends is started again, and what changed meanwhile is made up for', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b', 'gone'));
  write('c.yaml', tenants('c'));
  await start(root);
  const before = directory.get(parseTenantId('a')).generation;
  killReader();
  write('b.yaml', tenants('b', 'new'));
  rmSync(join(root, 'c.yaml'));
  await until(() => troubles.length === 1 && ids() === 'a b new');
  assert.match(String(troubles[0]), /the process that reads tenants files ended/);
  assert.equal(directory.get(parseTenantId('a')).generation, before);
  write('a.yaml', tenants('a', 'later'));
  await until(() => ids() === 'a b later new');
  assert.equal(readers.length, 2);
});

test('a reader started again removes nothing while any file is at fault', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  write('c.yaml', tenants('c'));
  await start(root);
  write('a.yaml', 'tenants: [');
  await until(() => reports.length === 1);
  killReader();
  rmSync(join(root, 'c.yaml'));
  await until(() => reports.length === 2);
  assert.equal(ids(), 'a b c');
  assert.equal(watch?.faults.length, 1);
  write('a.yaml', tenants('a'));
  await until(() => ids() === 'a b');
});

test('a reader that fails before anything is loaded fails the load', async () => {
  write('a.yaml', tenants('a'));
  const loading = start(root);
  killReader();
  await assert.rejects(loading, /the process that reads tenants files ended/);
});

test('a load that is closed meanwhile fails', async () => {
  write('a.yaml', tenants('a'));
  const loading = start(root);
  const closing = watch?.close();
  await assert.rejects(loading, /closed before the tenants were loaded/);
  await closing;
  assert.equal(slices, 0);
});

test('after close nothing is taken over any more', async () => {
  write('a.yaml', tenants('a'));
  await start(root);
  await watch?.close();
  const before = slices;
  write('a.yaml', tenants('b'));
  watch?.rescan();
  assert.equal(slices, before);
  assert.equal(readers.length, 1);
  assert.equal(ids(), 'a');
});

/** Resolves once the reader of a small deployment has nothing left to do and has ended. */
async function rested(count: number): Promise<void> {
  const reader = readers[count - 1] ?? assert.fail(`reader ${count} was started`);
  const isRunning = (): boolean => {
    try {
      return process.kill(reader.pid ?? assert.fail('it was started'), 0);
    } catch {
      return false;
    }
  };
  for (const startMs = performance.now(); isRunning(); await pause(20)) {
    assert.ok(performance.now() - startMs < DEADLINE_MS, 'the reader does not end');
  }
}

test('a reader with nothing to do ends, and the next goes on where it stopped', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  await start(root, { mostAtRest: 10 });
  const before = directory.get(parseTenantId('a')).generation;
  await rested(1);
  write('b.yaml', tenants('b', 'new'));
  await until(() => ids() === 'a b new' && reports.length === 1);
  assert.deepEqual([reports.at(-1)?.changedTenants, reports.at(-1)?.parsedFiles], [1, 1]);
  assert.equal(directory.get(parseTenantId('a')).generation, before);
  await rested(2);
  rmSync(join(root, 'a.yaml'));
  await until(() => ids() === 'b new' && reports.length === 2);
  assert.equal(reports.at(-1)?.removedTenants, 1);
  assert.deepEqual([readers.length, troubles], [3, []]);
});

test('a reader that goes on knows what was refused before', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  await start(root, { mostAtRest: 10 });
  write('b.yaml', tenants('b', 'a'));
  await until(() => reports.length === 1);
  await rested(1);
  write('c.yaml', tenants('c'));
  await until(() => reports.length === 2);
  assert.deepEqual([ids(), watch?.faults.length], ['a b c', 1]);
  write('b.yaml', tenants('b', 'later'));
  await until(() => reports.length === 3);
  assert.deepEqual([ids(), watch?.faults.length], ['a b c later', 0]);
});

test('a look finds what no hint told of, and one that finds nothing starts no reader', async () => {
  write('a.yaml', tenants('a'));
  await start(root, { mostAtRest: 10, rescanIntervalMs: 50 });
  await rested(1);
  await pause(200);
  watch?.rescan();
  await pause(200);
  assert.equal(readers.length, 1);
});

test('a large deployment keeps its reader', async () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  await start(root, { mostAtRest: 1 });
  await pause(3_000);
  assert.equal(process.kill(readers[0]?.pid ?? assert.fail('it was started'), 0), true);
});
