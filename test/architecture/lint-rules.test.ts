import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';

const FENCE = 'lint/style/noRestrictedImports';
const lines = (count: number): string => '  a += 1;\n'.repeat(count);

/** One planted fault a file, and the rule that must see it. */
const faults: readonly (readonly [rule: string, path: string, source: string])[] = [
  ['format', 'src/core/unformatted.ts', 'export const   a = 1'],
  [
    'assist/source/organizeImports',
    'src/core/unsorted.ts',
    "import z from './z.ts';\nimport a from './a.ts';\n\nexport const b = [a, z];\n",
  ],
  [
    'lint/complexity/noExcessiveLinesPerFunction',
    'src/core/long-function.ts',
    `export function f(): void {\n  let a = 0;\n${lines(50)}}\n`,
  ],
  ['lint/complexity/useMaxParams', 'src/core/params.ts', 'export const f = (a: 1, b: 1, c: 1, d: 1): number => a + b + c + d;\n'],
  ['lint/nursery/noFloatingPromises', 'src/core/floating.ts', 'async function f(): Promise<void> {}\nf();\n'],
  [
    'lint/nursery/noMisusedPromises',
    'src/core/misused.ts',
    'async function f(): Promise<void> {}\nif (f()) throw new Error();\n',
  ],
  ['lint/performance/noBarrelFile', 'src/core/barrel.ts', "export { b } from './cycle-b.ts';\n"],
  ['lint/style/noDefaultExport', 'src/core/default.ts', 'export default 1;\n'],
  ['lint/style/noExcessiveLinesPerFile', 'src/core/long-file.ts', `export let a = 0;\n${'a += 1;\n'.repeat(400)}`],
  ['lint/style/noProcessEnv', 'src/core/env.ts', 'export const a = process.env.A;\n'],
  ['lint/style/useFilenamingConvention', 'src/core/camelCase.ts', 'export const a = 1;\n'],
  ['lint/suspicious/noConsole', 'src/core/console.ts', 'console.log(1);\n'],
  ['lint/suspicious/noExplicitAny', 'src/core/any.ts', 'export const a: any = 1;\n'],
  ['lint/suspicious/noImportCycles', 'src/core/cycle-a.ts', "import type { B } from './cycle-b.ts';\n\nexport type A = B;\n"],
  ['lint/suspicious/noImportCycles', 'src/core/cycle-b.ts', "import type { A } from './cycle-a.ts';\n\nexport type B = A;\n"],
  [FENCE, 'src/core/up.ts', "import '../kms/kms.ts';\n"],
  [FENCE, 'src/core/nested/up.ts', "import '../../kms/kms.ts';\n"],
  [FENCE, 'src/core/type.ts', "import type { Kms } from '../kms/kms.ts';\n\nexport type A = Kms;\n"],
  [FENCE, 'src/core/dynamic.ts', "export const a = import('../kms/kms.ts');\n"],
  [FENCE, 'src/core/package.ts', "import 'zod';\n"],
  [FENCE, 'src/envelope/side.ts', "import '../kms/kms.ts';\n"],
  [FENCE, 'src/envelope/crypto.ts', "import { createHmac } from 'node:crypto';\n\nexport const a = createHmac;\n"],
  [FENCE, 'src/kms/down.ts', "import './aws/client.ts';\n"],
  [FENCE, 'src/kms/aws/side.ts', "import '../local/provider.ts';\n"],
  [FENCE, 'src/kms/aws/provider.ts', "import '@aws-sdk/client-kms';\n"],
  [FENCE, 'src/telemetry/sdk.ts', "import '@opentelemetry/sdk-metrics';\n"],
  [FENCE, 'src/keys/up.ts', "import '../service/encrypt.ts';\n"],
  [FENCE, 'src/service/grpc.ts', "import '@grpc/grpc-js';\n"],
  [FENCE, 'src/rpc/main.ts', "import '../main/main.ts';\n"],
  [FENCE, 'src/config/provider.ts', "import '../kms/aws/provider.ts';\n"],
  [FENCE, 'src/cli/service.ts', "import '../service/encrypt.ts';\n"],
  [FENCE, 'src/main/sdk.ts', "import '@aws-sdk/client-kms';\n"],
  [FENCE, 'src/unknown/any.ts', "import '../core/errors.ts';\n"],
];

/** What must not be complained of. */
const faultless: readonly (readonly [path: string, source: string])[] = [
  ['test/fakes/long.ts', `export function f(): number {\n  let a = 0;\n${lines(50)}  return a;\n}\n`],
  ['src/main/env.ts', 'console.log(process.env.A);\n'],
  ['src/cli/console.ts', 'console.log(1);\n'],
  ['src/cipher/crypto.ts', "import { createHmac } from 'node:crypto';\n\nexport const a = createHmac;\n"],
  ['src/kms/aws/client.ts', "import '@aws-sdk/client-kms';\nimport '../kms.ts';\nimport '../../core/errors.ts';\n"],
  ['src/kms/aws/config.ts', "import 'zod';\n"],
  ['src/telemetry/api.ts', "import '@opentelemetry/api';\n"],
  ['src/config/schema.ts', "import 'zod';\nimport '../kms/aws/config.ts';\n"],
  ['src/rpc/server.ts', "import '@grpc/grpc-js';\nimport '../gen/v1.ts';\n"],
  ['src/cli/client.ts', "import '../../clients/typescript/src/index.ts';\n"],
];

describe('the linter', () => {
  let directory: string;
  let complaints: ReadonlySet<string>;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyside-lint-'));
    for (const name of ['biome.json', 'biome.fences.json', 'tsconfig.json']) copyFileSync(name, join(directory, name));
    for (const [path, source] of [...faults.map(([, ...file]) => file), ...faultless]) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), source);
    }
    const biome = resolve('node_modules/.bin/biome');
    const options = ['--vcs-enabled=false', '--reporter=github', '--max-diagnostics=none'];
    const { stdout } = spawnSync(biome, ['ci', ...options, '.'], { cwd: directory, encoding: 'utf8' });
    complaints = new Set([...stdout.matchAll(/title=([^,]+),file=([^,]+)/g)].map(([, rule, file]) => `${rule} ${file}`));
  });

  after(() => rmSync(directory, { recursive: true }));

  for (const [rule, path] of faults) {
    it(`sees ${rule} in ${path}`, () => {
      const seen = [...complaints].some((complaint) => complaint.startsWith(`${rule} `) && complaint.endsWith(`/${path}`));
      assert.ok(seen, `complained of:\n${[...complaints].filter((each) => each.endsWith(`/${path}`)).join('\n')}`);
    });
  }

  for (const [path] of faultless) {
    it(`says nothing of ${path}`, () => {
      assert.deepEqual(
        [...complaints].filter((complaint) => complaint.endsWith(`/${path}`)),
        [],
      );
    });
  }
});
