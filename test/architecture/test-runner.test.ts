import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { isGood, runGroup } from '../../tools/test-process.ts';

const RUNNER = join(import.meta.dirname, '../../tools/run-tests.ts');
const IT = "import { it } from 'node:test';\n";
const GOOD = `${IT}it('is well', () => {});\n`;

/** What is planted in a process, beside a good file, and what its verdict says. */
const planted: readonly { readonly name: string; readonly source: string; readonly says: RegExp }[] = [
  {
    name: 'an assertion that fails',
    source: `${IT}it('is ill', () => assert(false));\nimport assert from 'node:assert';`,
    says: /✖ is ill/,
  },
  { name: 'an error at import', source: 'throw new Error("not loaded");', says: /Error: not loaded/ },
  { name: 'a syntax error', source: 'const a: = 1;', says: /ERR_INVALID_TYPESCRIPT_SYNTAX/ },
  { name: 'process.exit(0) at import', source: 'process.exit(0);', says: /before its tests had\n.*planted\.test\.ts:1:9\b/ },
  {
    name: 'process.exit(0) in a test',
    source: `${IT}it('leaves', () => process.exit(0));`,
    says: /before its tests had\n.*planted\.test\.ts:2:28\b/,
  },
  { name: 'a signal', source: `${IT}it('dies', () => process.kill(process.pid, 'SIGKILL'));`, says: /was ended by SIGKILL/ },
  {
    name: 'an unhandled rejection after its test',
    source: `${IT}it('is late', () => { setImmediate(() => Promise.reject(new Error('late'))); });`,
    says: /Test "is late" .* "Error: late"/,
  },
  { name: 'no tests', source: 'export {};', says: /planted\.test\.ts has no tests/ },
  {
    name: 'a changed environment',
    source: `${IT}it('sets', () => { process.env.PLANTED = '1'; });`,
    says: /a test changed the environment and left it so/,
  },
  {
    name: 'a clock that stays mocked',
    source: `import { it, mock } from 'node:test';\nit('mocks', () => mock.timers.enable({ apis: ['Date'] }));`,
    says: /a test changed Date and left it so/,
  },
  {
    name: 'a failure in a hook',
    source: `import { after, it } from 'node:test';\nit('is well', () => {});\nafter(() => { throw new Error('in a hook'); });`,
    says: /Error: in a hook/,
  },
];

describe('the runner of tests', { concurrency: 2 }, () => {
  it('adds up what all processes ran, and names the reason of what was skipped', (t) => {
    const skipping = `${IT}it('a', { skip: 'no hardware' }, () => {});\nit.todo('b');\nit('c', () => {});\n`;
    const { status, stdout } = run(t, { 'one/a.test.ts': GOOD, 'one/b.test.ts': GOOD, 'two/c.test.ts': skipping });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /one \(2 tests, 2 files\)/);
    assert.match(stdout, /^skipped 1: no hardware$/m);
    assert.match(stdout, /ℹ files 3\nℹ tests 5\nℹ suites 0\nℹ pass 3\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\nℹ todo 1\n/);
  });

  it('goes on where one process fails', (t) => {
    const { status, stdout } = run(t, { 'one/a.test.ts': 'process.exit(0);', 'two/b.test.ts': GOOD });
    assert.equal(status, 1);
    assert.match(stdout, /ℹ pass 1\nℹ fail 1\n/);
  });

  it('gives a file with hooks of its own a process of its own, since they would run around the tests of others', (t) => {
    const hooked = "import { beforeEach, it } from 'node:test';\nbeforeEach(() => { throw new Error(); });\nit.todo('a');\n";
    const { status, stdout } = run(t, { 'a.test.ts': hooked, 'b.test.ts': GOOD, 'c.test.ts': GOOD });
    assert.match(stdout, /a\.test\.ts \(1 tests, alone: has hooks/);
    assert.match(stdout, /tests \(2 tests, 2 files\)/);
    assert.equal(status, 0, stdout);
  });

  it('fails where there are no tests to run', (t) => {
    for (const files of [{ 'a.ts': GOOD }]) assert.notEqual(run(t, files).status, 0);
    assert.equal(spawnSync(process.execPath, [RUNNER]).status, 1);
  });
});

describe('the process of a group of tests', { concurrency: 3 }, () => {
  const limits = { testMs: 60_000, silenceMs: 60_000, quietMs: 60_000 };

  for (const { name, source, says } of planted) {
    it(`fails on ${name}`, async (t) => {
      const verdict = await runGroup(group(t, { 'good.test.ts': GOOD, 'planted.test.ts': source }), limits);
      assert.equal(isGood(verdict), false);
      assert.match([...verdict.failures, ...verdict.faults].join('\n'), says);
    });
  }

  it('cancels a test that hangs, and runs the others', async (t) => {
    const hanging = `${IT}it('hangs', () => new Promise(() => {}));\nit('is well', () => {});`;
    const verdict = await runGroup(group(t, { 'a.test.ts': hanging }), { ...limits, testMs: 300 });
    assert.deepEqual([verdict.counts.cancelled, verdict.counts.passed, isGood(verdict)], [1, 1, false]);
    assert.match(verdict.failures[0] as string, /✖ hangs\n.*timed out after 300ms/);
  });

  it('is killed where a test blocks it', async (t) => {
    const blocking = `${IT}it('blocks', () => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });`;
    const verdict = await runGroup(group(t, { 'a.test.ts': blocking }), { ...limits, silenceMs: 3_000 });
    assert.equal(isGood(verdict), false);
    const says = /nothing was heard for 3 s, hence killed; the last it told of was .*a\.test\.ts/;
    assert.match(verdict.faults.join('\n'), says);
  });

  it('fails where something is left open that keeps it', async (t) => {
    const leaking = `${IT}it('leaks', () => { setInterval(() => {}, 1e6); });`;
    const verdict = await runGroup(group(t, { 'a.test.ts': leaking }), { ...limits, quietMs: 200 });
    assert.equal(isGood(verdict), false);
    assert.match(verdict.faults.join('\n'), /something they left open keeps the process: .*Timeout/);
  });

  it('fails where a file is not there', async (t) => {
    const verdict = await runGroup({ name: 'gone', files: [join(folderOf(t, {}), 'gone.test.ts')] }, limits);
    assert.equal(isGood(verdict), false);
    assert.match(verdict.faults.join('\n'), /not run: .*gone\.test\.ts/);
  });

  it('hears all of a long failure, and nothing of what tests print', async (t) => {
    const failing = `${IT}it('is long', () => { console.log('{"kind":"ended"}'); throw new Error('x'.repeat(2 ** 20) + 'end'); });`;
    const { counts, failures, faults, output } = await runGroup(group(t, { 'a.test.ts': failing }), limits);
    assert.deepEqual([counts.failed, faults], [1, []]);
    assert.match(failures[0] as string, /xend/);
    assert.equal(output.trim(), '{"kind":"ended"}');
  });
});

interface Test {
  after(hook: () => void): void;
}

/** The group of these files. */
function group(t: Test, files: Readonly<Record<string, string>>) {
  const folder = join(folderOf(t, files), 'tests');
  return { name: folder, files: Object.keys(files).map((file) => join(folder, file)) };
}

function run(t: Test, files: Readonly<Record<string, string>>) {
  const cwd = folderOf(t, files);
  const { status, stdout } = spawnSync(process.execPath, [RUNNER, 'tests'], { cwd, encoding: 'utf8' });
  return { status, stdout };
}

/** A folder with these files below `tests`, which goes with the test. */
function folderOf(t: Test, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'keyside-runner-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  for (const [name, source] of Object.entries(files)) {
    const path = join(root, 'tests', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, source);
  }
  return root;
}
