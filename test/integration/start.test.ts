import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { prepareQuickstart } from '../../src/main/quickstart.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';

const HOOK = pathToFileURL(join(import.meta.dirname, '../fakes/list-modules.ts')).href;
const ENDING_MS = 20_000;

/** A bundle has no modules to tell apart. */
const isBuilt = existsSync(join(import.meta.dirname, '../../dist'));

/** Neither these packages nor these parts of the daemon serve a daemon that is not asked for them. */
const ON_DEMAND = [
  /node_modules\/(?:zod|yaml|protobufjs)\//,
  /node_modules\/(?:@aws-sdk|@azure|@google-cloud|@opentelemetry|google-gax|graphene-pk11)\//,
  /node_modules\/@grpc\/(?:reflection|proto-loader)\//,
  /src\/kms\/(?:aws|azure|gcp|kmip|pkcs11|vault)\//,
  /src\/cli\/(?:encrypt|decrypt|rewrap|local-kms|doctor|init)/,
  // Node's own client of HTTP and WebSockets: an import of node:http brings it.
  /^NativeModule internal\/deps\/undici/,
];

const loads = 'a daemon loads what every daemon needs, and its configuration elsewhere';

test(loads, { skip: isBuilt && 'dist is there, which bin/keyside.js starts: remove it to test the sources' }, async (t) => {
  const [state, loaded] = [temporaryDirectory(t), temporaryDirectory(t)];
  // A first start makes the demo's keys, and for that loads what checks them.
  await prepareQuickstart(state);
  const listen = ['--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const daemon = await startDaemon(['--state-dir', state, ...listen], {
    NODE_OPTIONS: `--import=${HOOK}`,
    LOADED_MODULES: loaded,
    OTEL_METRICS_EXPORTER: 'none',
  });
  t.after(() => daemon.stop());
  const modulesOf = (pid: string): string[] => readFileSync(join(loaded, pid), 'utf8').trim().split('\n');
  const readers = readdirSync(loaded).filter((pid) => Number(pid) !== daemon.process.pid);
  const reader = readers[0] ?? assert.fail('another process reads');
  assert.equal(readers.length, 1);
  assert.ok(modulesOf(reader).some((url) => /node_modules\/zod\//.test(url)));
  for (const startMs = performance.now(); isRunning(Number(reader)); await pause(50)) {
    assert.ok(performance.now() - startMs < ENDING_MS, 'what reads does not end');
  }
  assert.equal(await daemon.stop(), 0);
  const own = modulesOf(String(daemon.process.pid));
  assert.ok(own.some((url) => url.endsWith('/src/rpc/server.ts')));
  for (const pattern of ON_DEMAND)
    assert.deepEqual(
      own.filter((url) => pattern.test(url)),
      [],
    );
});

test('what reads the configuration ends with a daemon that was killed', async (t) => {
  const [state, loaded] = [temporaryDirectory(t), temporaryDirectory(t)];
  const daemon = await startDaemon(['--state-dir', state, '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'], {
    NODE_OPTIONS: `--import=${HOOK}`,
    LOADED_MODULES: loaded,
  });
  daemon.process.kill('SIGKILL');
  const [reader] = readdirSync(loaded).filter((pid) => Number(pid) !== daemon.process.pid);
  for (const startMs = performance.now(); isRunning(Number(reader)); await pause(50)) {
    assert.ok(performance.now() - startMs < ENDING_MS, 'what reads does not end');
  }
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
