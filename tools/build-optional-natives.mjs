/**
 * Builds the native parts that Keyside can do without, after `npm ci`: plain JavaScript, because it runs on whatever Node the machine
 * has. What cannot be built is said in one line, with what it is good for; the installation goes on. Built parts are left alone.
 * With `--required`, as for the image, it ends in 1 where a part is missing afterwards.
 *
 * Nothing is fetched: the headers are those of the Node that will run Keyside (`node_modules/.bin/node`, else the present one), and
 * node-gyp is npm's own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const LONGEST_BUILD_MS = 300_000;
const IS_REQUIRED = process.argv.includes('--required');

const PARTS = [
  {
    name: 'pkcs11js',
    folder: 'node_modules/pkcs11js',
    product: 'build/Release/pkcs11.node',
    without: 'keys in HSMs (provider pkcs11) cannot be used',
  },
];

for (const part of PARTS) {
  const folder = join(ROOT, part.folder);
  if (existsSync(join(folder, part.product))) continue;
  if (!existsSync(folder) && !IS_REQUIRED) continue;
  const problem = existsSync(folder) ? build(folder, part.product) : `${part.folder} is not there`;
  if (problem === undefined) continue;
  console.log(`keyside: ${part.name} was not built, so ${part.without}: ${problem}`);
  if (IS_REQUIRED) process.exitCode = 1;
}

/** Undefined, or in a few words why there is no product. */
function build(folder, product) {
  const nodeDirectory = nodeWithHeaders();
  if (nodeDirectory === undefined) return 'this Node came without its headers (include/node)';
  const gyp = nodeGyp();
  if (gyp === undefined) return "npm's node-gyp was not found; run `npm run postinstall`";
  const { status, stderr, error } = spawnSync(process.execPath, [gyp, 'rebuild', `--nodedir=${nodeDirectory}`], {
    cwd: folder,
    env: buildEnvironment(),
    encoding: 'utf8',
    timeout: LONGEST_BUILD_MS,
    maxBuffer: 2 ** 26,
  });
  if (status === 0 && existsSync(join(folder, product))) return undefined;
  return missingTools() ?? error?.message ?? lastComplaint(stderr);
}

function nodeWithHeaders() {
  const own = join(ROOT, 'node_modules/.bin/node');
  const programs = [...(existsSync(own) ? [realpathSync(own)] : []), process.execPath];
  return programs
    .map((program) => dirname(dirname(program)))
    .find((folder) => existsSync(join(folder, 'include/node/node_api.h')));
}

/** Of the npm that runs this, else of the one that came with the present Node. */
function nodeGyp() {
  const { npm_config_node_gyp: named, npm_execpath: npm } = process.env;
  const folders = [...(npm ? [join(dirname(npm), '..')] : []), join(dirname(process.execPath), '../lib/node_modules/npm')];
  const found = folders.map((folder) => join(folder, 'node_modules/node-gyp/bin/node-gyp.js'));
  return [named, ...found].find((path) => path !== undefined && existsSync(path));
}

/** `npm_config_nodedir` would win over the argument, and an unreachable registry's address has no place in a build. */
function buildEnvironment() {
  const unwanted = new Set(['npm_config_nodedir', 'npm_config_disturl', 'npm_config_dist_url', 'npm_config_target']);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.has(name.toLowerCase())));
}

function missingTools() {
  if (process.platform === 'win32') return undefined;
  const compiler = process.env.CXX ?? (process.platform === 'darwin' ? 'c++' : 'g++');
  const missing = [process.env.PYTHON ?? 'python3', 'make', compiler].filter((tool) => !runs(tool));
  return missing.length === 0 ? undefined : `install ${missing.join(', ')} and run \`npm run postinstall\``;
}

function runs(tool) {
  return spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;
}

function lastComplaint(stderr) {
  const line = stderr.split('\n').findLast((text) => / error: |gyp ERR! stack Error|fatal/.test(text)) ?? 'node-gyp failed';
  return line.trim().slice(0, 200);
}
