/**
 * Starts the compiled daemon of the folder it is run in once, and keeps what Node's compiler made of its modules, so that later starts
 * need not compile: `node [flags] tools/fill-compile-cache.mjs <folder> <uid>`. Node uses such a cache for one user, one version and the
 * same flags only, and looks at the sources all the same; where anything differs it compiles. Plain JavaScript, and no package: an
 * image runs it with its own Node, which has no shell beside it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const LONGEST_START_MS = 60_000;

const [folder, user] = process.argv.slice(2);
if (folder === undefined || user === undefined) throw new Error('give the folder of the cache and the id of its user');
const directory = resolve(folder);

const scratch = mkdtempSync(join(tmpdir(), 'keyside-compile-cache-'));
try {
  const listen = ['--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  await runUntil('Keyside is ready', [...process.execArgv, 'bin/keyside.js', 'sidecar', '--state-dir', scratch, ...listen]);
  // The daemon ends this one when it has read all there is, before it could keep anything.
  await runUntil(undefined, ['--disable-sigusr1', 'dist/src/main/reader-worker.js']);
} finally {
  rmSync(scratch, { recursive: true });
}
for (const name of readdirSync(directory)) handOver(name);

/** Runs Node, and where it does not end by itself until it says `last`. */
async function runUntil(last, args) {
  const { KEYSIDE_CONFIG: _, ...inherited } = process.env;
  const cache = { NODE_COMPILE_CACHE: directory, NODE_COMPILE_CACHE_PORTABLE: '1' };
  // The image serves metrics, and so loads what serves them.
  const env = { ...inherited, OTEL_METRICS_EXPORTER: 'prometheus', ...cache };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: LONGEST_START_MS });
  const exit = once(child, 'exit');
  let said = '';
  let isTold = false;
  child.stdout.on('data', (chunk) => {
    said += chunk;
    if (isTold || last === undefined || !said.includes(last)) return;
    isTold = true;
    child.kill('SIGTERM');
  });
  const [code] = await exit;
  if (code !== 0 || (last !== undefined && !said.includes(last))) throw new Error(`${args.join(' ')} ended with ${code}`);
}

/** Node names a part of the cache after the user whose it is, and keeps it to itself. */
function handOver(name) {
  const part = join(directory, name.replace(/-\d+$/, `-${user}`));
  if (part !== join(directory, name)) renameSync(join(directory, name), part);
  chmodSync(part, 0o755);
  for (const entry of readdirSync(part)) chmodSync(join(part, entry), 0o644);
}
