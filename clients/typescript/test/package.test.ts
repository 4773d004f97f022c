import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { Consumer, snippetOf } from './packed-client.ts';

const EXAMPLE = resolve(import.meta.dirname, '../examples/notes');
const skip =
  process.env.KEYSIDE_INTEROP_PHASE !== 'write' && 'there is no daemon: KEYSIDE_INTEROP_PHASE is not set (npm run interop)';

describe('the package', () => {
  let consumer: Consumer;
  before(() => {
    consumer = new Consumer();
  });
  after(() => consumer[Symbol.dispose]());

  it('holds what is built, a licence and a README, and nothing else', () => {
    const installed = join(consumer.folder, 'node_modules/@keyside/client');
    assert.deepEqual(readdirSync(installed).sort(), ['LICENSE', 'README.md', 'dist', 'package.json']);
    const built = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
    assert.ok(built.includes('index.js') && built.includes('index.d.ts'));
    assert.deepEqual(
      built.filter((name) => /\.[a-z]+$/.test(name) && !/\.(js|d\.ts)$/.test(name)),
      [],
    );
  });

  it('is imported by JavaScript', () => {
    consumer.write(
      'plain.js',
      `import { KeysideClient, KeysideError, KeyRevokedError } from '@keyside/client';
       const client = new KeysideClient({ address: '127.0.0.1:1', connectTimeoutMs: 0 });
       const error = await client.encrypt({ a: 'b' }, { tenantId: 'acme' }).catch((thrown) => thrown);
       console.log(error instanceof KeysideError, error instanceof KeyRevokedError, error.message);`,
    );
    const message = 'UNAVAILABLE: no daemon answers at 127.0.0.1:1 (connection refused)';
    assert.deepEqual(consumer.run(process.execPath, 'plain.js'), { code: 0, printed: `true false ${message}\n` });
  });

  it('has types that hold without any leniency, for Node and for a bundler', () => {
    consumer.write(
      'typed.ts',
      `import { type BatchResult, type EncryptedDocument, KeysideClient, type KeysideError } from '@keyside/client';
       export async function work(client: KeysideClient): Promise<string> {
         const results: readonly BatchResult<EncryptedDocument>[] = await client.encryptBatch([{ fields: { a: 'b' } }], { tenantId: 'acme' });
         for (const { error, document } of results) {
           const edek: Uint8Array | undefined = error ? undefined : document.edek;
           const why: KeysideError | undefined = error;
           console.log(edek, why);
         }
         const response = new Response(client.decryptStream([new Uint8Array()], { tenantId: 'acme' }).toWebStream() as ReadableStream);
         // @ts-expect-error a call must say whose data it is
         await client.encrypt({}, { requesterId: 'ada' });
         return response.statusText;
       }`,
    );
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node'];
    for (const resolution of [
      ['--module', 'nodenext'],
      ['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2023,dom,esnext.disposable'],
    ]) {
      assert.deepEqual(consumer.run('tsc', ...options, ...resolution, 'typed.ts'), { code: 0, printed: '' });
    }
  });

  for (const [markdown, want] of [
    ['clients/typescript/README.md', /^40 bytes of ciphertext, \d+ of EDEK\n123-45-6789\nCIPHERTEXT_REJECTED: .*\n$/],
    ['README.md', /^123-45-6789\n$/],
  ] as const) {
    it(`does what ${markdown} shows`, { skip }, () => {
      consumer.write('quickstart.ts', snippetOf(markdown));
      const { code, printed } = consumer.run(process.execPath, 'quickstart.ts');
      assert.match(printed, want);
      assert.equal(code, 0);
    });
  }
});

describe('the example', { skip }, () => {
  let consumer: Consumer;
  let folder: string;
  let server: ChildProcess | undefined;
  let url: string;

  before(async () => {
    consumer = new Consumer();
    folder = join(consumer.folder, 'notes');
    mkdirSync(folder);
    for (const name of ['package.json', 'package-lock.json', 'notes.ts', 'server.ts']) {
      copyFileSync(join(EXAMPLE, name), join(folder, name));
    }
    const { code, printed } = consumer.run(
      'npm',
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      consumer.archive,
    );
    assert.equal(code, 0, printed);
    const env = { ...process.env, PORT: '0', DATABASE: join(folder, 'notes.sqlite') };
    server = spawn(process.execPath, ['server.ts'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(server, 'exit').then(([status]) => {
      throw new Error(`the server ended with ${status}`);
    });
    ended.catch(() => undefined);
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
    [url] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  });
  after(async () => {
    if (server !== undefined && server.exitCode === null) {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    }
    consumer[Symbol.dispose]();
  });

  const ask = (path: string, tenant: string, body?: object): Promise<Response> => {
    const headers = { 'x-tenant': tenant, 'content-type': 'application/json' };
    return fetch(`${url}${path}`, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  };

  it('has types that hold', () => {
    const args = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--allowImportingTsExtensions',
      '--skipLibCheck',
    ];
    const { code, printed } = consumer.run('tsc', ...args, '--types', 'node', join(folder, 'server.ts'));
    assert.deepEqual([code, printed], [0, '']);
  });

  it('stores ciphertexts alone, and gives a note back to its tenant and to no other', async () => {
    const note = { title: 'The secret plan', text: 'buy milk, and tell nobody' };
    const created = await ask('/notes', 'acme', note);
    assert.equal(created.status, 201);
    const { id } = (await created.json()) as { id: string };
    assert.deepEqual(await (await ask(`/notes/${id}`, 'acme')).json(), note);
    assert.equal((await ask(`/notes/${id}`, 'globex')).status, 404);

    const file = readFileSync(join(folder, 'notes.sqlite'));
    assert.ok(file.includes(id));
    for (const text of ['secret', 'milk']) assert.ok(!file.includes(text), `${text} lies in the database`);

    // Whoever can write to the database cannot hand it to another tenant, nor put it into another row.
    const database = new DatabaseSync(join(folder, 'notes.sqlite'));
    database.prepare('UPDATE notes SET tenant = ? WHERE id = ?').run('globex', id);
    const moved = await ask(`/notes/${id}`, 'globex');
    assert.deepEqual([moved.status, await moved.json()], [500, { error: 'CIPHERTEXT_REJECTED' }]);
    database.prepare('UPDATE notes SET tenant = ?, id = ? WHERE id = ?').run('acme', 'another', id);
    database.close();
    assert.equal((await ask('/notes/another', 'acme')).status, 500);
  });
});
