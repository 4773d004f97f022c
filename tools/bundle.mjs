/**
 * Puts what the daemon runs into few files, for a start that opens some tens of them in place of some hundreds:
 * `node tools/bundle.mjs <folder>` after `tsc`, which has checked the types. Each program of the daemon has a file, and what several of
 * them or a later moment need has files of its own; each module stands in there as it is, under its path. Nothing is renamed to be short.
 *
 * Packages that a start needs are taken in, from the versions that the lock file names. The vendors' SDKs are not: they stay packages,
 * and are loaded with the first call. Everything lies in one folder, at the depth of `src/main`, so that a module finds a neighbour
 * (`./bulk-worker.js`) and the native cipher where it finds them in `src`.
 */
import { cpSync, globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');

/** Whatever is started by its file's name: processes and threads. */
const PROGRAMS = ['src/main/keyside.ts', 'src/kms/pkcs11/child.ts', ...globSync('src/**/*-worker.ts', { cwd: ROOT })];

const PACKAGES_LEFT_OUT = [
  '@aws-sdk/*',
  '@azure/*',
  '@google-cloud/*',
  '@grpc/proto-loader',
  '@grpc/reflection',
  '@opentelemetry/exporter-metrics-otlp-grpc',
  '@opentelemetry/exporter-metrics-otlp-proto',
  '@opentelemetry/exporter-trace-otlp-grpc',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/sdk-trace-node',
  'google-gax',
  'graphene-pk11',
];

/** Packages of CommonJS ask for Node's own modules so. */
const BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('give the folder to write to');
const outdir = join(resolve(folder), 'src/main');

const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: PROGRAMS,
  outdir,
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  external: PACKAGES_LEFT_OUT,
  banner: { js: BANNER },
  metafile: true,
  logLevel: 'warning',
});
assertNamed();
cpSync(join(ROOT, 'src/rpc/descriptors.binpb'), join(outdir, 'descriptors.binpb'));

/** What is CommonJS loses its names where it is imported later: then a module of ours imports it at once, and is imported later. */
function assertNamed() {
  const nameless = Object.values(metafile.outputs).filter(({ entryPoint = '', exports }) => {
    return entryPoint.includes('node_modules/') && exports.length === 1 && exports[0] === 'default';
  });
  if (nameless.length > 0) throw new Error(`imported later by a name: ${nameless.map(({ entryPoint }) => entryPoint)}`);
}
