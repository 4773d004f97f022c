import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EncryptResponse } from '../../src/gen/keyside/v1/crypto.ts';
import { createKey } from '../../src/kms/local/store.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';
import { type Ended, RawClient } from './raw-client.ts';
import { CRYPTO, decryptRequest, encryptRequest, rewrapRequest } from './requests.ts';

describe('callers with tokens', () => {
  it('may do what their token is bound to, for the tenants it is bound to, and nothing else', async (t) => {
    const directory = temporaryDirectory(t);
    const names = ['acme', 'globex'];
    for (const id of names) await createKey(join(directory, `${id}.json`), { id, now: new Date() });
    const lines = names.map(
      (id) => `  ${id}: { keys: [{ id: ${id}-key, provider: local, state: primary, local: { storeFile: ${id}.json } }] }`,
    );
    writeFileSync(join(directory, 'tenants.yaml'), `tenants:\n${lines.join('\n')}\n`);
    const tokens = { writer: 'token-of-the-writer', keeper: 'token-of-the-keeper' };
    for (const [id, token] of Object.entries(tokens)) writeFileSync(join(directory, id), `${token}\n`, { mode: 0o600 });
    const callers = [
      '  - { id: writer, tokenFile: writer, tenants: [acme], operations: [encrypt, rewrap] }',
      "  - { id: keeper, tokenFile: keeper, tenants: ['*'], operations: ['*'] }",
    ];
    writeFileSync(
      join(directory, 'keyside.yaml'),
      `listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\ncallers:\n${callers.join('\n')}\n`,
    );
    const daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
    const client = new RawClient(daemon.tcp);
    t.after(async () => {
      client.close();
      await daemon.stop();
    });
    const call = (method: string, request: Uint8Array, token?: string): Promise<Ended> =>
      client.call({ method: method.includes('/') ? method : `${CRYPTO}/${method}`, request, token });
    const written = await call('Encrypt', encryptRequest({}), tokens.writer);
    assert.equal(written.reason, 'OK', written.message);
    const { edek } = EncryptResponse.decode(written.bytes);
    const health = (tenant: string) => Buffer.concat([Buffer.from([10, 7 + tenant.length]), Buffer.from(`tenant/${tenant}`)]);
    const HEALTH = 'grpc.health.v1.Health/Check';
    const table: readonly [string, Promise<Ended>, string][] = [
      ['no token', call('Encrypt', encryptRequest({})), 'CALLER_UNAUTHENTICATED'],
      ['an unknown token', call('Encrypt', encryptRequest({}), 'token-of-nobody-here'), 'CALLER_UNAUTHENTICATED'],
      ['another tenant', call('Encrypt', encryptRequest({ tenantId: 'globex' }), tokens.writer), 'CALLER_NOT_ALLOWED'],
      [
        'a tenant that is not there',
        call('Encrypt', encryptRequest({ tenantId: 'nobody' }), tokens.writer),
        'CALLER_NOT_ALLOWED',
      ],
      ['another operation', call('Decrypt', decryptRequest({ edek }), tokens.writer), 'CALLER_NOT_ALLOWED'],
      [
        'another target for rewrap',
        call('Rewrap', rewrapRequest({ edek, targetKeyId: 'acme-key' }), tokens.writer),
        'CALLER_NOT_ALLOWED',
      ],
      ['rewrap', call('Rewrap', rewrapRequest({ edek }), tokens.writer), 'OK'],
      ['everything for who may', call('Decrypt', decryptRequest({ edek }), tokens.keeper), 'OK'],
      ["a tenant's health without a token", call(HEALTH, health('acme')), 'CALLER_UNAUTHENTICATED'],
      ["another tenant's health", call(HEALTH, health('globex'), tokens.writer), 'CALLER_NOT_ALLOWED'],
      ["its tenant's health", call(HEALTH, health('acme'), tokens.writer), 'OK'],
      ["the daemon's health for anyone", call(HEALTH, new Uint8Array(0)), 'OK'],
    ];
    for (const [name, ended, reason] of table) assert.equal((await ended).reason, reason, name);
    assert.doesNotMatch(JSON.stringify(daemon.log), /token-of/);
  });

  it('makes a stranger wait for nothing and read nothing: the answer comes before the request', async (t) => {
    const directory = temporaryDirectory(t);
    await createKey(join(directory, 'acme.json'), { id: 'acme', now: new Date() });
    writeFileSync(join(directory, 'token'), 'token-of-the-writer', { mode: 0o600 });
    const key = '{ id: acme-key, provider: local, state: primary, local: { storeFile: acme.json } }';
    writeFileSync(join(directory, 'tenants.yaml'), `tenants: { acme: { keys: [${key}] } }\n`);
    const callers = 'callers: [{ id: writer, tokenFile: token, tenants: [acme], operations: [encrypt] }]';
    writeFileSync(
      join(directory, 'keyside.yaml'),
      `listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n${callers}\n`,
    );
    const daemon = await startDaemon(['--config', join(directory, 'keyside.yaml')]);
    const session = connect(`http://${daemon.tcp}`);
    t.after(async () => {
      session.destroy();
      await daemon.stop();
    });
    const headers = { ':method': 'POST', ':path': `/${CRYPTO}/Encrypt`, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    stream.on('error', () => undefined); // the daemon closes what it does not want to read
    stream.write(Buffer.alloc(16_384));
    const answer = await Promise.race([
      once(stream, 'response').then(([received]) => received),
      once(stream, 'trailers').then(([received]) => received),
    ]);
    assert.equal(answer['grpc-status'] ?? (await once(stream, 'trailers'))[0]['grpc-status'], '16');
  });
});
