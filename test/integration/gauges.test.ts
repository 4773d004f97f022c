import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createKey } from '../../src/kms/local/store.ts';
import { startDaemon, temporaryDirectory } from './daemon-process.ts';
import { RawClient } from './raw-client.ts';
import { CRYPTO, encryptRequest, metadata } from './requests.ts';

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : assert.fail('no port');
}

/** acme has a key that works, globex one whose KMS is gone, and initech the vendor's, whose KMS is gone too. */
async function configure(directory: string): Promise<string> {
  await createKey(join(directory, 'acme.json'), { id: 'acme', now: new Date() });
  writeFileSync(join(directory, 'token'), 'a-token', { mode: 0o600 });
  const vault = `{ address: "http://127.0.0.1:${await closedPort()}", keyName: k, auth: { method: token-file, file: token } }`;
  writeFileSync(
    join(directory, 'tenants.yaml'),
    [
      'tenants:',
      '  acme: { keys: [{ id: acme-key, provider: local, state: primary, local: { storeFile: acme.json } }] }',
      `  globex: { keys: [{ id: globex-key, provider: vault, state: primary, vault: ${vault} }] }`,
      '  initech: {}',
      `vendor: { keys: [{ id: vendor-key, provider: vault, state: primary, vault: ${vault} }] }`,
    ].join('\n'),
  );
  const file = join(directory, 'keyside.yaml');
  writeFileSync(
    file,
    [
      'listen: { tcp: "127.0.0.1:0", http: "127.0.0.1:0" }',
      'tenants: tenants.yaml',
      'audit: { maxBytes: 8MiB, segmentBytes: 1MiB }',
      'kms: { maxAttempts: 1 }',
      'telemetry: { metricsShowTenants: true }',
    ].join('\n'),
  );
  return file;
}

test('a daemon shows whose breaker is open, and how large its audit trail may be', async (t) => {
  const daemon = await startDaemon(['--config', await configure(temporaryDirectory(t))], { OTEL_METRICS_EXPORTER: 'prometheus' });
  const client = new RawClient(daemon.tcp);
  t.after(async () => {
    client.close();
    await daemon.stop();
  });
  const encrypt = async (tenantId: string) => {
    const fields = new Map([['ssn', Buffer.from('123-45-6789')]]);
    const request = encryptRequest({ tenantId, fields, metadata: metadata({ requesterId: 'test' }) });
    return (await client.call({ method: `${CRYPTO}/Encrypt`, request })).reason;
  };
  assert.equal(await encrypt('acme'), 'OK');
  // One attempt a call: five that fail open the breaker.
  for (let time = 0; time < 5; time++)
    for (const tenant of ['globex', 'initech']) assert.equal(await encrypt(tenant), 'KMS_UNAVAILABLE');
  const text = await (await fetch(`http://${daemon.http}/metrics`)).text();
  const breakers = [...text.matchAll(/^keyside_kms_breaker_open\{(.*)\} (\d)$/gm)].map(([, labels = '', value]) => {
    const of = (label: string) => new RegExp(`\\b${label}="([^"]*)"`).exec(labels)?.[1];
    return `${of('provider')} ${of('tenant')} ${value}`;
  });
  assert.deepEqual(breakers.sort(), ['local acme 0', 'vault globex 1', 'vault none 1']);
  assert.match(text, new RegExp(`^keyside_audit_limit_bytes(\\{.*\\})? ${8 * 1024 * 1024}$`, 'm'));
});
