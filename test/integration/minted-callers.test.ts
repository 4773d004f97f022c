import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createKey } from '../../src/kms/local/store.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';
import { RawClient } from './raw-client.ts';
import { CRYPTO, encryptRequest } from './requests.ts';

describe("callers whose tokens are the daemon's to make", () => {
  it('get a new one at each start, good for what it was minted for, in a file that their group may read', async (t) => {
    const directory = temporaryDirectory(t);
    for (const id of ['acme', 'globex']) await createKey(join(directory, `${id}.json`), { id, now: new Date() });
    const tenant = (id: string) =>
      `  ${id}: { keys: [{ id: ${id}-key, provider: local, state: primary, local: { storeFile: ${id}.json } }] }\n`;
    writeFileSync(join(directory, 'keyside.yaml'), 'listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n');
    writeFileSync(join(directory, 'tenants.yaml'), `tenants:\n${tenant('acme')}${tenant('globex')}`);
    const file = (id: string) => join(directory, 'tokens', id, 'token');
    const callers = ['app', 'worker'].map((id, at) => {
      mkdirSync(join(directory, 'tokens', id), { recursive: true });
      return { id, tokenFile: file(id), tenants: [at === 0 ? 'acme' : 'globex'], operations: ['encrypt'] };
    });
    const args = [
      '--config',
      join(directory, 'keyside.yaml'),
      '--audit-dir',
      join(directory, 'trail'),
      '--audit-max-bytes',
      '67108864',
    ];
    for (const caller of callers) args.push('--mint-caller', JSON.stringify(caller));

    const outcomes = async (tokens: readonly (string | undefined)[]): Promise<string[]> => {
      const daemon = await startDaemon(args);
      const client = new RawClient(daemon.tcp);
      try {
        const fresh = ['app', 'worker'].map((id) => readFileSync(file(id), 'utf8').trim());
        const said = JSON.stringify(daemon.log);
        for (const token of fresh) {
          assert.match(token, /^[\w-]{43}$/);
          assert.ok(!said.includes(token), 'a token stands in the log');
        }
        const ended = [];
        for (const token of [...fresh, ...tokens]) {
          ended.push(await client.call({ method: `${CRYPTO}/Encrypt`, request: encryptRequest({}), token }));
        }
        return ended.map(({ reason }) => reason);
      } finally {
        client.close();
        await daemon.stop();
      }
    };

    assert.deepEqual(await outcomes([undefined]), ['OK', 'CALLER_NOT_ALLOWED', 'CALLER_UNAUTHENTICATED']);
    const first = readFileSync(file('app'), 'utf8').trim();
    assert.equal(statSync(file('app')).mode & 0o777, 0o440);
    assert.deepEqual(readdirSync(join(directory, 'tokens/app')), ['token']);
    assert.ok(readdirSync(join(directory, 'trail')).includes('1'), 'the trail is not where the command line says');
    assert.deepEqual(await outcomes([first]), ['OK', 'CALLER_NOT_ALLOWED', 'CALLER_UNAUTHENTICATED']);
  });

  it('whose folder is not there keeps the daemon from starting, in words', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'keyside.yaml'), 'listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n');
    writeFileSync(join(directory, 'tenants.yaml'), 'tenants: {}\n');
    const caller = { id: 'app', tokenFile: join(directory, 'nowhere/token'), tenants: ['*'], operations: ['*'] };
    await assert.rejects(
      startDaemon(['--config', join(directory, 'keyside.yaml'), '--mint-caller', JSON.stringify(caller)]),
      /the token file .*nowhere\/token cannot be written: ENOENT/,
    );
  });
});
