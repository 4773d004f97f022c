import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** What the image holds, in a folder. */
export interface Image {
  /** Its /app. */
  readonly app: string;
  readonly environment: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD, without Node itself. */
  readonly command: readonly string[];
  readonly user: string;
}

/**
 * Does in a folder what the Dockerfile says, step by step, on this machine in place of its base images: a Debian 12 is the same as
 * those. System packages are not installed. The result is read-only.
 * @throws {Error} for an instruction that this does not know, a source that .dockerignore leaves out, or a step that fails
 */
export async function buildImage(folder: string): Promise<Image> {
  const stages = await readStages();
  const runtime = stages.pop();
  if (runtime === undefined) throw new Error('the Dockerfile has no stage');
  const built = join(folder, 'build');
  const app = join(folder, 'image');
  await mkdir(built);
  await mkdir(app);
  // Each stage goes on from the one before it, in the same folder.
  for (const stage of stages) for (const step of stage) await buildStep(step, built);
  for (const { word, rest } of runtime) if (word === 'COPY') await copy(rest, { to: app, stage: built });
  await makeReadOnly(app);
  const of = (wanted: string): string[] => runtime.filter(({ word }) => word === wanted).map(({ rest }) => rest);
  const environment = Object.fromEntries(of('ENV').flatMap((rest) => rest.split(/\s+/).map((pair) => pair.split('=', 2))));
  const command = [...of('ENTRYPOINT'), ...of('CMD')].flatMap((rest) => JSON.parse(rest) as string[]).slice(1);
  return { app, environment, command, user: of('USER')[0] ?? '0:0' };
}

async function readStages(): Promise<Instruction[][]> {
  const text = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  const stages: Instruction[][] = [];
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    else stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

async function buildStep({ word, rest }: Instruction, folder: string): Promise<void> {
  // What comes from a stage before is there.
  if (word === 'COPY' && !rest.startsWith('--from=')) await copy(rest, { to: folder });
  else if (word === 'RUN' && rest.startsWith('[')) await node(rest, folder);
  else if (word === 'RUN') {
    if (!rest.startsWith('apt-get ')) await shell(rest, folder);
  } else if (!['COPY', 'WORKDIR', 'USER'].includes(word)) throw new Error(`the Dockerfile's ${word} is not known here`);
}

async function copy(rest: string, { to, stage }: { readonly to: string; readonly stage?: string }): Promise<void> {
  const words = rest.split(/\s+/);
  const isOfStage = words[0]?.startsWith('--from=') === true;
  const sources = words.slice(isOfStage ? 1 : 0, -1);
  const target = words.at(-1) ?? '';
  const isFolder = target.endsWith('/') || sources.length > 1;
  for (const source of sources) {
    if (!isOfStage) await assertNotIgnored(source);
    const from = isOfStage ? join(stage ?? '', source.replace(/^\/app\//, '')) : join(ROOT, source);
    const at = join(to, isFolder ? join(target, basename(source)) : target);
    await mkdir(dirname(at), { recursive: true });
    // Links stay as they are, as in an image.
    await cp(from, at, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => isOfStage || basename(path) !== 'node_modules',
    });
  }
}

async function assertNotIgnored(source: string): Promise<void> {
  const lines = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n');
  const kept = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  if (!kept.some((path) => source === path || source.startsWith(`${path}/`)))
    throw new Error(`.dockerignore leaves ${source} out`);
}

/** Runs Node without a shell, as an image without one must. */
async function node(command: string, folder: string): Promise<void> {
  const [program, ...args] = JSON.parse(command) as string[];
  if (program !== '/nodejs/bin/node') throw new Error(`${program} is not known here`);
  await promisify(execFile)(process.execPath, args, { cwd: folder });
}

/** Without what `npm run` adds to the environment, and with the npm that a shell would find. */
async function shell(command: string, folder: string): Promise<void> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { stdout: npm } = await promisify(execFile)('sh', ['-c', 'realpath "$(command -v npm)"']);
  // In the image npm lies beside Node.
  const env = { ...Object.fromEntries(inherited), PATH: path, npm_execpath: npm.trim() };
  try {
    await promisify(execFile)('sh', ['-ec', command], { cwd: folder, env, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`RUN ${command}\n${stdout}\n${stderr}`, { cause: error });
  }
}

async function makeReadOnly(folder: string): Promise<void> {
  for (const entry of [folder, ...(await readdir(folder, { recursive: true })).map((name) => join(folder, name))]) {
    const stats = await lstat(entry);
    if (stats.isSymbolicLink()) continue;
    await chmod(entry, stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o555 : 0o444);
  }
}
