/** A tree that keeps every rule; each case adds one file to it. */
export const CLEAN: Readonly<Record<string, string>> = {
  'src/core/a.ts': 'export const a = 1;',
  'src/cipher/seal.ts': "import { createCipheriv } from 'node:crypto';\nexport const seal = createCipheriv;",
  'src/kms/kms.ts': "import { a } from '../core/a.ts';\nexport interface Kms { a: typeof a }\nexport const k = 1;",
  'src/kms/aws/provider.ts': "import type { Kms } from '../kms.ts';\nexport const p = {} as Kms;",
  'src/kms/aws/client.ts': "import { KMSClient } from '@aws-sdk/client-kms';\nexport const client = KMSClient;",
  'src/kms/aws/config.ts': "import { z } from 'zod';\nexport const config = z;",
  'src/kms/local/provider.ts': 'export const local = 1;',
  'src/keys/ring.ts': "import type { Kms } from '../kms/kms.ts';\nexport const ring = {} as Kms;",
  'src/tenants/tenant.ts': 'export interface Tenant { id: string }',
  'src/service/encrypt.ts': "import { ring } from '../keys/ring.ts';\nexport const encrypt = ring;",
  'src/gen/v1.ts': 'export default 1;',
  'src/rpc/server.ts': "import '../gen/v1.ts';\nimport { Server } from '@grpc/grpc-js';\nexport const server = Server;",
  'src/main/main.ts':
    "import { server } from '../rpc/server.ts';\nexport const env = [process.env, server];\nprocess.on('SIGTERM', () => 0);",
  'clients/typescript/src/index.ts': "export { call } from './call.ts';",
  'clients/typescript/src/call.ts': "import { Client } from '@grpc/grpc-js';\nexport const call = Client;",
};

/** The other halves of the cycles. */
export const PARTNERS: Readonly<Record<string, string>> = {
  'src/core/c.ts': "import { a } from './a.ts';\nexport const b = a;",
  'src/core/d.ts': "import type { a } from './a.ts';\nexport type B = typeof a;",
};

interface PlantedViolation {
  readonly name: string;
  readonly path: string;
  readonly source: string;
  readonly want: RegExp;
}

/** One file that breaks one rule, and what must be said of it. */
export const PLANTED: readonly PlantedViolation[] = [
  {
    name: 'an import up the floors',
    path: 'src/core/b.ts',
    source: "import { k } from '../kms/kms.ts';\nexport { k as b };\nexport const c = 1;",
    want: /may not import src\/kms\/kms.ts/,
  },
  {
    name: 'a type of a floor above',
    path: 'src/core/b.ts',
    source: "import type { Tenant } from '../tenants/tenant.ts';\nexport type B = Tenant;",
    want: /may not import src\/tenants/,
  },
  {
    name: 'an inline type of a floor above',
    path: 'src/core/b.ts',
    source: "export type B = import('../tenants/tenant.ts').Tenant;",
    want: /may not import src\/tenants/,
  },
  {
    name: 'a dynamic import up the floors',
    path: 'src/keys/b.ts',
    source: "export const b = () => import('../service/encrypt.ts');",
    want: /may not import src\/service/,
  },
  {
    name: 'a re-export up the floors',
    path: 'src/keys/b.ts',
    source: "export * from '../service/encrypt.ts';\nexport const b = 1;",
    want: /may not import src\/service/,
  },
  {
    name: 'a worker up the floors',
    path: 'src/keys/b.ts',
    source: "export const b = new URL('../service/encrypt.ts', import.meta.url);",
    want: /may not import src\/service/,
  },
  {
    name: 'a value where only types are allowed',
    path: 'src/keys/b.ts',
    source: "import { k } from '../kms/kms.ts';\nexport const b = k;",
    want: /may import types only of src\/kms\/kms.ts/,
  },
  {
    name: 'the common part of kms that looks into a provider',
    path: 'src/kms/b.ts',
    source: "import { client } from './aws/client.ts';\nexport const b = client;",
    want: /may not import src\/kms\/aws\/client.ts/,
  },
  {
    name: 'a provider that imports another',
    path: 'src/kms/aws/b.ts',
    source: "import { local } from '../local/provider.ts';\nexport const b = local;",
    want: /may not import src\/kms\/local/,
  },
  {
    name: 'a file that is not there',
    path: 'src/core/b.ts',
    source: "import { x } from './x.ts';\nexport const b = x;",
    want: /no source file/,
  },
  { name: 'a folder without a row', path: 'src/extra/b.ts', source: 'export const b = 1;', want: /without a row/ },
  { name: 'a file beside the folders', path: 'src/b.ts', source: 'export const b = 1;', want: /without a row/ },
  {
    name: 'an import of main',
    path: 'src/rpc/b.ts',
    source: "import { env } from '../main/main.ts';\nexport const b = env;",
    want: /may not import src\/main/,
  },
  {
    name: 'generated code outside rpc',
    path: 'src/service/b.ts',
    source: "import '../gen/v1.ts';\nexport const b = 1;",
    want: /may not import src\/gen/,
  },
  {
    name: "the daemon's stubs in a client",
    path: 'clients/typescript/src/b.ts',
    source: "import '../../../src/gen/v1.ts';\nexport const b = 1;",
    want: /may not import src\/gen/,
  },
  {
    name: "a vendor's SDK outside its client",
    path: 'src/kms/aws/errors.ts',
    source: "import { KMSServiceException } from '@aws-sdk/client-kms';\nexport const b = KMSServiceException;",
    want: /may not import @aws-sdk\/client-kms/,
  },
  {
    name: 'a type of an SDK outside its client',
    path: 'src/kms/aws/errors.ts',
    source: "import type { KMSClient } from '@aws-sdk/client-kms';\nexport type B = KMSClient;",
    want: /may not import @aws-sdk\/client-kms/,
  },
  {
    name: 'grpc below the edge',
    path: 'src/service/b.ts',
    source: "import { status } from '@grpc/grpc-js';\nexport const b = status;",
    want: /may not import @grpc\/grpc-js/,
  },
  {
    name: 'the SDK of OpenTelemetry below main',
    path: 'src/telemetry/b.ts',
    source: "import { x } from '@opentelemetry/sdk-metrics';\nexport const b = x;",
    want: /may not import @opentelemetry/,
  },
  {
    name: 'a schema library in a floor',
    path: 'src/tenants/b.ts',
    source: "import { z } from 'zod';\nexport const b = z;",
    want: /may not import zod/,
  },
  {
    name: 'a package nobody knows',
    path: 'src/main/b.ts',
    source: "import { x } from 'left-pad/sub';\nexport const b = x;",
    want: /left-pad, a package without a row/,
  },
  {
    name: 'a cipher outside cipher',
    path: 'src/envelope/b.ts',
    source: "import { createCipheriv, createHash } from 'node:crypto';\nexport const b = [createCipheriv, createHash];",
    want: /takes createCipheriv from node:crypto/,
  },
  {
    name: 'all of crypto outside cipher',
    path: 'src/envelope/b.ts',
    source: "import * as c from 'crypto';\nexport const b = c;",
    want: /takes \* from node:crypto/,
  },
  { name: 'WebCrypto outside cipher', path: 'src/envelope/b.ts', source: 'export const b = crypto.subtle;', want: /WebCrypto/ },
  { name: 'a default export', path: 'src/core/b.ts', source: 'export default 1;', want: /default export/ },
  {
    name: 'a default export by name',
    path: 'src/core/b.ts',
    source: 'const b = 1;\nexport { b as default };',
    want: /default export/,
  },
  { name: 'a barrel', path: 'src/core/b.ts', source: "export * from './a.ts';", want: /re-exports only/ },
  {
    name: 'a barrel that imports first',
    path: 'src/core/b.ts',
    source: "import { a } from './a.ts';\nexport { a };",
    want: /re-exports only/,
  },
  {
    name: 'an import computed at run time',
    path: 'src/main/b.ts',
    source: 'export const b = (x: string) => import(x);',
    want: /computed at run time/,
  },
  {
    name: 'a require',
    path: 'src/main/b.ts',
    source: "import { createRequire } from 'node:module';\nexport const b = createRequire(import.meta.url);",
    want: /require/,
  },
  {
    name: 'the environment below main',
    path: 'src/kms/aws/b.ts',
    source: "export const b = process.env['HOME'];",
    want: /process.env/,
  },
  {
    name: 'the environment by name',
    path: 'src/kms/aws/b.ts',
    source: "import { env } from 'node:process';\nexport const b = env;",
    want: /process.env/,
  },
  {
    name: 'a signal handler below main',
    path: 'src/rpc/b.ts',
    source: "process.once('SIGTERM', () => 0);\nexport const b = 1;",
    want: /signal handler/,
  },
  {
    name: 'a long file',
    path: 'src/core/b.ts',
    source: `export const b = 1;\n${'// more\n'.repeat(400)}`,
    want: /has 401 lines/,
  },
  {
    name: 'a cycle',
    path: 'src/core/a.ts',
    source: "import { b } from './c.ts';\nexport const a = b;",
    want: /src\/core\/a.ts → src\/core\/c.ts import each other/,
  },
  {
    name: 'a cycle of types',
    path: 'src/core/a.ts',
    source: "import type { B } from './d.ts';\nexport const a = {} as B;",
    want: /src\/core\/a.ts → src\/core\/d.ts import each other/,
  },
];
