import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { renderFaults } from '../../../src/config/fault.ts';
import { type ScanResult, TenantsSource } from '../../../src/config/tenants-source.ts';

const patience = { quietMs: 100, removalGraceMs: 1_000, longestWaitMs: 5_000 };

let root: string;
let nowMs: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyside-source-'));
  nowMs = 0;
});

afterEach(() => rmSync(root, { recursive: true }));

const tenants = (...ids: string[]): string => `tenants: {${ids.map((id) => `${id}: {}`).join(', ')}}\n`;

function write(name: string, text: string): void {
  writeFileSync(join(root, name), text);
}

/** Scans until the files have settled, as time goes by. */
function settle(source: TenantsSource): ScanResult {
  for (;;) {
    const result = source.scan(nowMs);
    if (result.isSettled) return result;
    nowMs += 100;
  }
}

/** What a scan replaced, as `file: previous tenants → next tenants`. */
function replaced({ replacements }: ScanResult): string[] {
  const ids = (version: ScanResult['replacements'][number]['next']) => version?.tenants.map(({ id }) => id).join(' ') ?? '-';
  return replacements.map(({ file, previous, next }) => `${file.slice(root.length + 1)}: ${ids(previous)} → ${ids(next)}`).sort();
}

const faultsOf = ({ faults }: ScanResult): string => renderFaults(faults).replaceAll(`${root}/`, '');

test('the first scan reads every yaml and yml file that is not hidden, at once', () => {
  write('a.yaml', tenants('a'));
  write('b.yml', tenants('b'));
  for (const name of ['.c.yaml', 'd.yaml~', 'e.yaml.swp', 'f.json', 'yaml']) write(name, 'tenants: [');
  mkdirSync(join(root, 'g.yaml'));
  const result = new TenantsSource(root, patience).scan(nowMs);
  assert.ok(result.isSettled);
  assert.deepEqual(replaced(result), ['a.yaml: - → a', 'b.yml: - → b']);
  assert.equal(result.parsedFiles, 2);
  assert.deepEqual(result.faults, []);
});

test('only the file that changed is parsed again', () => {
  for (let at = 0; at < 50; at += 1) write(`${at}.yaml`, tenants(`t${at}`));
  const source = new TenantsSource(root, patience);
  assert.equal(settle(source).parsedFiles, 50);
  write('7.yaml', tenants('t7', 'new'));
  const result = settle(source);
  assert.equal(result.parsedFiles, 1);
  assert.deepEqual(replaced(result), ['7.yaml: t7 → t7 new']);
});

test('a file whose time stamp alone changed is not parsed again', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  utimesSync(join(root, 'a.yaml'), 1, 1);
  const result = settle(source);
  assert.equal(result.parsedFiles, 0);
  assert.deepEqual(result.replacements, []);
});

test('two thousand files are scanned, and a change of one parses one', () => {
  for (let at = 0; at < 2_000; at += 1) write(`${at}.yaml`, tenants(`t${at}`));
  const source = new TenantsSource(root, patience);
  const first = settle(source);
  assert.deepEqual([first.files, first.parsedFiles, first.replacements.length], [2_000, 2_000, 2_000]);
  write('1999.yaml', tenants('other'));
  assert.equal(settle(source).parsedFiles, 1);
});

test('a change is taken over once the file has been quiet, never half of it', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('a.yaml', 'tenants: {a: {}, b');
  assert.equal(source.scan(0).isSettled, false);
  appendFileSync(join(root, 'a.yaml'), ': {}}\n');
  assert.equal(source.scan(100).isSettled, false);
  assert.equal(source.scan(199).isSettled, false);
  const result = source.scan(200);
  assert.ok(result.isSettled);
  assert.deepEqual(replaced(result), ['a.yaml: a → a b']);
});

test('a file that never rests holds others up for five seconds at most', () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('b.yaml', tenants('b', 'c'));
  for (let at = 0; at < 50; at += 1) {
    appendFileSync(join(root, 'a.yaml'), '#\n');
    assert.equal(source.scan(at * 100).isSettled, false);
  }
  appendFileSync(join(root, 'a.yaml'), '#\n');
  const result = source.scan(5_000);
  assert.deepEqual(replaced(result), ['b.yaml: b → b c']);
  assert.ok(result.isRestless);
});

test('a file changed long after it was loaded waits like any other', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('a.yaml', tenants('a', 'b'));
  assert.equal(source.scan(60_000).isSettled, false);
  assert.deepEqual(replaced(source.scan(60_100)), ['a.yaml: a → a b']);
});

test('a broken file keeps its previous version whole, and the changes of others go ahead', () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('a.yaml', 'tenants: {a: {keys: 1}, x: {}}\nextra: 1\n');
  write('b.yaml', tenants('b', 'c'));
  write('c.yaml', 'tenants: [');
  const result = settle(source);
  assert.deepEqual(replaced(result), ['b.yaml: b → b c']);
  assert.match(faultsOf(result), /^a.yaml:1:21: tenants.a.keys: .*\na.yaml:2:1: extra: .*\nc.yaml:1:\d+: /);
  assert.equal(settle(source).parsedFiles, 0);
  assert.equal(faultsOf(settle(source)), faultsOf(result));
  write('a.yaml', tenants('a', 'x'));
  const mended = settle(source);
  assert.deepEqual(replaced(mended), ['a.yaml: a → a x']);
  assert.match(faultsOf(mended), /^c.yaml:1:\d+: [^\n]*$/);
});

const EMPTIES = [
  { name: 'emptied', text: '', fault: 'a.yaml: is empty' },
  { name: 'reduced to comments', text: '# gone\n', fault: 'a.yaml: is empty' },
];

for (const { name, text, fault } of EMPTIES) {
  test(`a file that is ${name} is at fault and keeps its tenants`, () => {
    write('a.yaml', tenants('a'));
    const source = new TenantsSource(root, patience);
    settle(source);
    write('a.yaml', text);
    const result = settle(source);
    assert.deepEqual(result.replacements, []);
    assert.equal(faultsOf(result), fault);
  });
}

test('a file that is no text, no file or too large is at fault', () => {
  writeFileSync(join(root, 'a.yaml'), Buffer.from([0xff, 0xfe]));
  symlinkSync('/dev/null', join(root, 'b.yaml'));
  writeFileSync(join(root, 'c.yaml'), Buffer.alloc(32 * 2 ** 20 + 1, '#'));
  assert.equal(
    faultsOf(settle(new TenantsSource(root, patience))),
    'a.yaml: is not valid UTF-8\nb.yaml: is not a regular file\nc.yaml: is larger than 32MiB: split it into several files',
  );
});

test('a removed file goes with its tenants after the grace period', () => {
  write('a.yaml', tenants('a'));
  write('b.yaml', tenants('b'));
  const source = new TenantsSource(root, patience);
  settle(source);
  rmSync(join(root, 'a.yaml'));
  assert.equal(source.scan(0).isSettled, false);
  assert.equal(source.scan(999).isSettled, false);
  const result = source.scan(1_000);
  assert.deepEqual(replaced(result), ['a.yaml: a → -']);
  assert.equal(result.files, 1);
});

test('a file deleted and written again within the grace period has only changed', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  rmSync(join(root, 'a.yaml'));
  source.scan(0);
  write('a.yaml', tenants('a', 'b'));
  nowMs = 100;
  assert.deepEqual(replaced(settle(source)), ['a.yaml: a → a b']);
});

test("an editor's write to a temporary file and rename is one change", () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('.a.yaml.tmp', tenants('b'));
  renameSync(join(root, '.a.yaml.tmp'), join(root, 'a.yaml'));
  assert.deepEqual(replaced(settle(source)), ['a.yaml: a → b']);
});

test('a file renamed within the folder keeps its tenants, without a fault on the way', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  renameSync(join(root, 'a.yaml'), join(root, 'b.yaml'));
  for (; nowMs < 1_000; nowMs += 100) assert.deepEqual(source.scan(nowMs).faults, []);
  const result = settle(source);
  assert.deepEqual(replaced(result), ['a.yaml: a → -', 'b.yaml: - → a']);
  assert.deepEqual(result.faults, []);
});

/** The layout that the kubelet makes of a ConfigMap: files are links through `..data` to a folder of one version. */
function configMap(folder: string) {
  let version = 0;
  return (files: Readonly<Record<string, string>>): void => {
    version += 1;
    const name = `..2026_01_01_00_00_0${version}.1`;
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, name, file), text);
      if (version === 1) symlinkSync(join('..data', file), join(folder, file));
    }
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    if (version > 1) rmSync(join(folder, `..2026_01_01_00_00_0${version - 1}.1`), { recursive: true });
  };
}

test("Kubernetes' swap of a volume is one change of all its files, and parses only what is new", () => {
  const swap = configMap(root);
  swap({ 'a.yaml': tenants('a', 'moves'), 'b.yaml': tenants('b'), 'c.yaml': tenants('c') });
  const source = new TenantsSource(root, patience);
  assert.deepEqual(replaced(settle(source)), ['a.yaml: - → a moves', 'b.yaml: - → b', 'c.yaml: - → c']);
  swap({ 'a.yaml': tenants('a'), 'b.yaml': tenants('b', 'moves'), 'c.yaml': tenants('c') });
  const result = settle(source);
  assert.deepEqual(replaced(result), ['a.yaml: a moves → a', 'b.yaml: b → b moves']);
  assert.equal(result.parsedFiles, 2);
  assert.deepEqual(result.faults, []);
});

test('a single file of a swapped volume is followed through its links', () => {
  const swap = configMap(root);
  swap({ 'tenants.yaml': tenants('a') });
  const source = new TenantsSource(join(root, 'tenants.yaml'), patience);
  settle(source);
  swap({ 'tenants.yaml': tenants('b') });
  assert.deepEqual(replaced(settle(source)), ['tenants.yaml: a → b']);
});

test('of two files in conflict the newer is rejected, and taken over once the older gives way', () => {
  write('a.yaml', tenants('a'));
  const source = new TenantsSource(root, patience);
  settle(source);
  write('b.yaml', tenants('b', 'a'));
  const conflict = settle(source);
  assert.deepEqual(conflict.replacements, []);
  assert.equal(faultsOf(conflict), `b.yaml:1:18: tenants.a: is configured in a.yaml too`);
  write('a.yaml', tenants('z'));
  const solved = settle(source);
  assert.deepEqual(replaced(solved), ['a.yaml: a → z', 'b.yaml: - → b a']);
  assert.equal(solved.parsedFiles, 1);
  assert.deepEqual(solved.faults, []);
});

test('a missing path is a fault at the first scan', () => {
  const result = new TenantsSource(join(root, 'nowhere'), patience).scan(0);
  assert.equal(faultsOf(result), 'nowhere: cannot be read: no such file or folder');
});

test('a path that goes missing later is a fault that lasts, and every tenant stays', () => {
  const folder = join(root, 'tenants');
  mkdirSync(folder);
  write('tenants/a.yaml', tenants('a'));
  const source = new TenantsSource(folder, patience);
  settle(source);
  renameSync(folder, join(root, 'away'));
  assert.deepEqual(source.scan(0).faults, []);
  const missing = source.scan(1_000);
  assert.equal(faultsOf(missing), 'tenants: cannot be read: no such file or folder');
  assert.deepEqual(missing.replacements, []);
  renameSync(join(root, 'away'), folder);
  nowMs = 2_000;
  const back = settle(source);
  assert.deepEqual(back.faults, []);
  assert.deepEqual(back.replacements, []);
});

test('a single file that goes missing keeps its tenants', () => {
  write('t.yaml', tenants('a'));
  const source = new TenantsSource(join(root, 't.yaml'), patience);
  settle(source);
  rmSync(join(root, 't.yaml'));
  const missing = settle(source);
  assert.deepEqual(missing.replacements, []);
  assert.equal(faultsOf(missing), 't.yaml: cannot be read: no such file or folder');
  write('t.yaml', tenants('b'));
  assert.deepEqual(replaced(settle(source)), ['t.yaml: a → b']);
});
