/**
 * Generates from `proto` the stubs that buf.gen.yaml and the clients' templates name, and src/rpc/descriptors.binpb, the untouched
 * descriptors that gRPC reflection serves. With `--check` it does so in a temporary directory and compares byte for byte.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const TEMPLATES = ['buf.gen.yaml', ...globSync('clients/*/buf.gen.yaml').sort()];
const DESCRIPTORS = 'src/rpc/descriptors.binpb';
/** What a caller may ask reflection for; what these files import comes along. */
const REFLECTED = [
  'proto/keyside',
  'node_modules/grpc-health-check/proto/health/v1/health.proto',
  'node_modules/google-gax/build/protos/google/rpc/error_details.proto',
];

if (process.argv.includes('--check')) {
  const directory = mkdtempSync(join(tmpdir(), 'keyside-generated-'));
  try {
    generateInto(directory);
    compare(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
} else {
  generateInto('.');
}

function generateInto(directory: string): void {
  const descriptors = join(directory, DESCRIPTORS);
  mkdirSync(dirname(descriptors), { recursive: true });
  for (const template of TEMPLATES) buf('generate', '--template', template, '--output', directory);
  const paths = REFLECTED.flatMap((path) => ['--path', path]);
  buf('build', '--as-file-descriptor-set', '--exclude-source-info', '--output', descriptors, ...paths);
}

function buf(...args: readonly string[]): void {
  execFileSync('buf', args, { stdio: 'inherit' });
}

/** Every file generated anew must be there, the same, and no other must lie beside it. */
function compare(directory: string): void {
  const fresh = filesBelow(directory);
  const folders = new Set(fresh.flatMap((path) => /^.*?\/gen(?=\/)/.exec(path)?.[0] ?? []));
  const committed = [...folders].filter((folder) => existsSync(folder)).flatMap((folder) => filesBelow(folder, '.'));
  const faults = [
    ...fresh.filter((path) => !isSame(join(directory, path), path)).map((path) => `${path} is out of date`),
    ...committed.filter((path) => !fresh.includes(path)).map((path) => `${path} is not generated any more`),
  ];
  if (folders.size < TEMPLATES.length) faults.push(`of ${TEMPLATES.length} templates only ${folders.size} gave stubs`);
  for (const fault of faults) console.error(`${fault}: run npm run generate`);
  if (faults.length > 0) process.exitCode = 1;
  else console.log(`${fresh.length} generated files are current`);
}

function filesBelow(directory: string, root = directory): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function isSame(fresh: string, committed: string): boolean {
  return existsSync(committed) && readFileSync(fresh).equals(readFileSync(committed));
}
