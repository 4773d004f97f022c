import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { DEFINITIONS, HELM, PYTHON } from './kubernetes-tools.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'deploy/helm/keyside');

/** The oldest version of Kubernetes with native sidecars, and the newest that there are schemas of. */
export const OLD = '1.29';
export const NEW = '1.37';

/** An object of Kubernetes, as far as these tests look into all of them alike. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  // What else an object has depends on its kind: each test says what it expects where.
  // biome-ignore lint/suspicious/noExplicitAny: manifests are judged by their schemas
  readonly [field: string]: any;
}

export interface Release {
  readonly values?: object;
  readonly name?: string;
  readonly namespace?: string;
  readonly kubernetes?: string;
  /** Beside those that Helm takes for given. */
  readonly apiVersions?: readonly string[];
}

/** What the chart renders, as text. @throws {Error} with what Helm says, where it refuses */
export async function renderText(release: Release = {}): Promise<string> {
  const { values = {}, name = 'keyside', namespace = 'keyside', kubernetes = NEW, apiVersions = [] } = release;
  const chosen = ['--namespace', namespace, '--kube-version', `${kubernetes}.0`, '--values', '-'];
  const served = apiVersions.flatMap((version) => ['--api-versions', version]);
  return withInput(HELM, ['template', name, CHART, ...chosen, ...served], JSON.stringify(values));
}

export async function render(release: Release = {}): Promise<readonly Manifest[]> {
  return manifestsOf(await renderText(release));
}

/** As Kubernetes reads YAML: by version 1.1. */
export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: '1.1' })
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** The only one of this kind. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`${others.length + (found ? 1 : 0)} of kind ${kind}`);
  return found;
}

/** Faults of manifests against the schemas of a version, a sentence each. Fields that the schemas do not know are faults. */
export async function schemaFaults(version: string, manifests: readonly Manifest[]): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'kubernetes-schemas.py');
  const asked = JSON.stringify({ version, definitions: DEFINITIONS, manifests });
  return JSON.parse(await withInput(PYTHON, [program], asked)) as string[];
}

async function withInput(program: string, args: readonly string[], input: string): Promise<string> {
  const running = promisify(execFile)(program, [...args], { maxBuffer: 2 ** 26 });
  running.child.stdin?.end(input);
  return (await running).stdout;
}
