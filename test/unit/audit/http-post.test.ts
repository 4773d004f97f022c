import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { HttpPoster } from '../../../src/audit/http-post.ts';
import { Authority } from '../../../src/injector/certificates/authority.ts';

const HOUR_MS = 3_600_000;

it('posts nothing to a stranger, whatever the environment says of certificates', async (t) => {
  const { authority } = Authority.make({ nowMs: Date.now(), lifetimeMs: HOUR_MS });
  const pair = authority.issue({ dnsNames: ['localhost'], nowMs: Date.now(), lifetimeMs: HOUR_MS });
  let requests = 0;
  const server = createServer({ cert: pair.certificate, key: pair.privateKey }, (_, response) => {
    requests++;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  t.after(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    server.close();
  });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const { port } = server.address() as AddressInfo;
  const poster = new HttpPoster({ url: `https://localhost:${port}`, caFile: undefined, timeoutMs: 5_000 });
  await assert.rejects(poster.post(Buffer.from('a record'), { headers: {}, signal: AbortSignal.timeout(5_000) }), {
    failure: 'unreachable',
    message: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
  });
  assert.equal(requests, 0);
});
