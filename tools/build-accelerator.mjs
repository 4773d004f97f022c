/**
 * Compiles native/cipher.c into build/cipher.node after `npm ci`, where there is a C compiler: one file, no build system, nothing
 * fetched (the headers are those of the package node-api-headers). Plain JavaScript, because it runs on whatever Node the machine
 * has. Without it Keyside runs on its cipher in TypeScript, with the same bytes; so this never fails an installation, and says in
 * one line why it did nothing. With `--required`, as for an image that is meant to be fast, it ends in 1.
 *
 * A build with sanitizers, to run the tests of the cipher and of what is made with it on (Linux, gcc):
 *
 *     node tools/build-accelerator.mjs --sanitize
 *     LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
 *       node --test 'test/unit/{cipher,envelope}/*.test.ts' 'test/property/{document,object}.test.ts'
 *     node tools/build-accelerator.mjs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const PRODUCT = join(ROOT, 'build/cipher.node');
const HEADERS = join(ROOT, 'node_modules/node-api-headers/include');
const LONGEST_BUILD_MS = 120_000;
const COMPILER = process.env.CC || 'cc';
const FLAGS = [
  '-std=c11',
  '-O2',
  '-fPIC',
  '-fvisibility=hidden',
  '-fstack-protector-strong',
  '-Wall',
  '-Wextra',
  '-Werror=implicit',
];
/** Names that Node lacks must fail the loading, not the first call. */
const LINKING = {
  linux: ['-shared', '-Wl,-z,now', '-Wl,-z,relro', '-Wl,-z,noexecstack'],
  darwin: ['-bundle', '-undefined', 'dynamic_lookup'],
};
const SANITIZERS = ['-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const problem = build();
if (problem !== undefined) {
  console.log(`keyside: the native cipher was not built, so encryption takes more processor time: ${problem}`);
  if (process.argv.includes('--required')) process.exitCode = 1;
}

/** Undefined, or in a few words why there is no new product. An old one is then gone: it might not fit this Node. */
function build() {
  rmSync(PRODUCT, { force: true });
  const linking = LINKING[process.platform];
  if (linking === undefined) return `not supported on ${process.platform}`;
  if (!existsSync(join(HEADERS, 'node_api.h'))) return 'the package node-api-headers is not installed';
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  // Into place in one step: a process that starts meanwhile loads all of it or nothing.
  const half = `${PRODUCT}.${process.pid}`;
  const sanitizers = process.argv.includes('--sanitize') ? SANITIZERS : [];
  const { status, stderr, error } = spawnSync(
    COMPILER,
    [...FLAGS, ...sanitizers, ...linking, `-I${HEADERS}`, '-o', half, join(ROOT, 'native/cipher.c')],
    { encoding: 'utf8', timeout: LONGEST_BUILD_MS },
  );
  if (status === 0) {
    renameSync(half, PRODUCT);
    return undefined;
  }
  rmSync(half, { force: true });
  if (error?.code === 'ENOENT') return `install a C compiler (${COMPILER}) and run \`npm run postinstall\``;
  return error?.message ?? lastComplaint(stderr);
}

function lastComplaint(stderr) {
  const line = stderr.split('\n').find((text) => / error: |fatal|cannot find/.test(text)) ?? `${COMPILER} failed`;
  return line.trim().slice(0, 200);
}
