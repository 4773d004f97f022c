import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const CLIENT = resolve(import.meta.dirname, '..');
const ROOT = resolve(CLIENT, '../..');
const MODULES = join(ROOT, 'node_modules');
/** With the repository's `tsc`, wherever the test was started. */
const ENVIRONMENT = { ...process.env, PATH: [join(MODULES, '.bin'), process.env.PATH].join(delimiter) };

/** A fresh folder with the packed client in its `node_modules`: what a user has after `npm install`. Nothing is downloaded. */
export class Consumer implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'keyside-consumer-'));
  /** The package, as it would be published. */
  readonly archive: string;

  constructor() {
    const args = ['pack', '--json', '--pack-destination', this.folder];
    const printed = execFileSync('npm', args, {
      cwd: CLIENT,
      env: ENVIRONMENT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [packed] = JSON.parse(printed.slice(printed.indexOf('[\n'))) as [{ filename: string }];
    this.archive = join(this.folder, packed.filename);
    const installed = join(this.folder, 'node_modules/@keyside/client');
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', this.archive, '-C', installed, '--strip-components', '1']);
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) this.#link(name);
    this.write('package.json', '{ "type": "module" }');
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs a program of the repository's, or `node`, here: its exit code and all that it printed. */
  run(program: string, ...args: string[]): { readonly code: number | null; readonly printed: string } {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: this.folder, env: ENVIRONMENT, encoding: 'utf8' });
    return { code: status, printed: stdout + stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  #link(name: string): void {
    const place = join(this.folder, 'node_modules', name);
    mkdirSync(resolve(place, '..'), { recursive: true });
    symlinkSync(join(MODULES, name), place);
  }
}

/** The first block of TypeScript in a text of Markdown. */
export function snippetOf(markdown: string): string {
  const snippet = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, markdown), 'utf8'))?.[1];
  if (snippet === undefined) throw new Error(`${markdown} shows no TypeScript`);
  return snippet;
}
