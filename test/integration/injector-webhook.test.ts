import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { describe, it } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { startWebhookServer } from '../../src/injector/webhook-server.ts';
import { applyJsonPatch } from '../fakes/apply-json-patch.ts';
import { podOf } from '../fakes/pods.ts';
import {
  dial,
  first,
  half,
  NAME,
  type Question,
  reviewOf,
  second,
  serve,
  UID,
  untilAnswered,
  untilEnd,
  untilRefused,
} from './webhook-client.ts';

describe('an AdmissionReview', () => {
  it('about a pod that asks is answered with its uid and the patch', async (t) => {
    const { ask: asked } = await serve(t);
    const { status, headers, body } = await asked();
    assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, 'application/json', 'no-store']);
    const { apiVersion, kind, response } = JSON.parse(body);
    assert.deepEqual([apiVersion, kind, response.uid, response.allowed], ['admission.k8s.io/v1', 'AdmissionReview', UID, true]);
    assert.equal(response.patchType, 'JSONPatch');
    const after = applyJsonPatch(podOf(), JSON.parse(Buffer.from(response.patch, 'base64').toString())) as Pod;
    assert.deepEqual(
      after.spec?.initContainers?.map(({ name }) => name),
      ['keyside'],
    );
  });

  it('is answered on one connection again and again', async (t) => {
    const { ask: asked } = await serve(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: first.ca, servername: NAME });
    t.after(() => agent.destroy());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => asked({ agent, body: reviewOf(podOf(), { uid: `u-${index}` }) })),
    );
    assert.deepEqual(
      answers.map(({ body }) => JSON.parse(body).response.uid),
      Array.from({ length: 20 }, (_, index) => `u-${index}`),
    );
    assert.equal(Object.values(agent.freeSockets).flat().length, 1);
  });

  it('about a pod that asks for nonsense is refused in words, with its warnings within the limits', async (t) => {
    const { ask: asked } = await serve(t);
    const { response } = JSON.parse((await asked({ body: reviewOf(podOf({ containers: 'web' })) })).body);
    assert.equal(response.allowed, false);
    assert.equal(
      response.status.message,
      'keyside cannot be added: keyside.dev/containers: "web" is no container of the pod: it has app',
    );
    const names = Array.from({ length: 50 }, (_, index) => `container-${index}`);
    const containers = names.map((name) => ({ name, env: [{ name: 'KEYSIDE_ADDRESS', value: 'x' }] }));
    const warned = JSON.parse(
      (await asked({ body: reviewOf(podOf({ containers: names.join(',') }, { containers })) })).body,
    ).response;
    assert.equal(warned.allowed, true);
    assert.ok(warned.warnings.length > 10 && warned.warnings.join('').length <= 4_096);
    assert.ok(warned.warnings.every((each: string) => each.length <= 256));
  });

  it('about what is not to be made is let through as it is', async (t) => {
    const { ask: asked } = await serve(t);
    const others = [
      { operation: 'UPDATE' },
      { subResource: 'ephemeralcontainers' },
      { resource: { group: 'apps', version: 'v1', resource: 'deployments' } },
    ];
    for (const more of others) {
      const { response } = JSON.parse((await asked({ body: reviewOf(podOf(), more) })).body);
      assert.deepEqual(response, { uid: UID, allowed: true });
    }
  });

  it('about a pod of any shape is answered, and the next one too', async (t) => {
    const { ask: asked } = await serve(t);
    const annotations = { 'keyside.dev/inject': 'true' };
    const hostile = [
      null,
      'pod',
      [],
      { metadata: null },
      { metadata: { annotations: { ...annotations, 'keyside.dev/containers': 7 } }, spec: {} },
      { metadata: { annotations }, spec: { containers: { length: 3 } } },
      { metadata: { annotations }, spec: { containers: [{ name: { toString: 'x' } }] } },
      { metadata: { annotations }, spec: { containers: [{ name: 'app', env: [null] }] } },
      { metadata: { annotations }, spec: { containers: [{ name: '__proto__' }], volumes: [[]] } },
      JSON.parse('{"metadata":{"__proto__":{"annotations":{"keyside.dev/inject":"true"}}},"spec":{}}'),
    ];
    for (const object of hostile) {
      const { status, body } = await asked({ body: reviewOf(object) });
      assert.equal(status, 200);
      const { response } = JSON.parse(body);
      assert.equal(response.uid, UID);
      assert.match(response.status?.message ?? '', /^keyside cannot be added: the pod is malformed: /, JSON.stringify(object));
    }
    assert.equal(JSON.parse((await asked()).body).response.allowed, true);
  });
});

describe('what is none', () => {
  const type = (name: string) => ({ headers: { 'content-type': name } });
  const cases: readonly { name: string; question: Question; status: number; words: RegExp }[] = [
    { name: 'of another type', question: type('text/plain'), status: 415, words: /application\/json/ },
    { name: 'without a type', question: { headers: {} }, status: 415, words: /application\/json/ },
    { name: 'of a type that begins alike', question: type('application/json5'), status: 415, words: /application\/json/ },
    { name: 'that is read', question: { method: 'GET', body: '' }, status: 405, words: /POST/ },
    { name: 'for another path', question: { path: '/' }, status: 404, words: /\/mutate/ },
    { name: 'for a path below', question: { path: '/mutate/x' }, status: 404, words: /\/mutate/ },
    { name: 'that is empty', question: { body: '' }, status: 400, words: /no JSON object/ },
    { name: 'that is no JSON', question: { body: '{"kind"' }, status: 400, words: /no JSON object/ },
    { name: 'that is no text', question: { body: Buffer.of(0x7b, 0xff, 0x7d) }, status: 400, words: /not UTF-8/ },
    {
      name: 'of another version',
      question: { body: reviewOf(podOf()).replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1') },
      status: 400,
      words: /only AdmissionReview of admission.k8s.io\/v1/,
    },
  ];
  for (const { name, question, status, words } of cases) {
    it(`is refused: ${name}`, async (t) => {
      const answer = await (await serve(t)).ask(question);
      assert.equal(answer.status, status);
      assert.match(answer.body, words);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    });
  }

  it('is not: a type with its character set', async (t) => {
    const { status } = await (await serve(t)).ask(type('Application/JSON; charset=utf-8'));
    assert.equal(status, 200);
  });

  it('is refused before it is sent where it says that it is too large', async (t) => {
    const { server } = await serve(t, { maxBodyBytes: 1_000 });
    const socket = await dial(t, server);
    socket.write(half('', 1_001));
    assert.match(await untilEnd(socket), /^HTTP\/1\.1 413 [\s\S]*\r\nconnection: close\r\n[\s\S]*too large/i);
  });

  it('is refused as soon as it is too large', async (t) => {
    const { server } = await serve(t, { maxBodyBytes: 1_000 });
    const socket = await dial(t, server);
    const chunk = 'x'.repeat(500);
    socket.write(
      `POST /mutate HTTP/1.1\r\nhost: ${NAME}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    for (let at = 0; at < 3; at += 1) socket.write(`1f4\r\n${chunk}\r\n`);
    assert.match(await untilEnd(socket), /^HTTP\/1\.1 413 /);
  });

  it('does no harm in clear', async (t) => {
    const { server, ask: asked } = await serve(t);
    const socket = connectPlain(server.port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket.resume(), 'close');
    assert.equal((await asked()).status, 200);
  });
});

describe('clients', () => {
  it('that are slow end alone', async (t) => {
    const { server, ask: asked } = await serve(t, { requestTimeoutMs: 300 });
    const slow = await dial(t, server);
    slow.write(half(reviewOf(podOf())));
    const ended = untilEnd(slow);
    assert.equal((await asked()).status, 200);
    assert.match(await ended, /^HTTP\/1\.1 408 /);
    assert.equal((await asked()).status, 200);
  });

  it('that do not shake hands end', async (t) => {
    const { server, ask: asked } = await serve(t, { requestTimeoutMs: 300 });
    const silent = connectPlain(server.port, '127.0.0.1');
    await once(silent.resume(), 'close');
    assert.equal((await asked()).status, 200);
  });

  it('share the memory that there is, and give it back', async (t) => {
    const body = reviewOf(podOf());
    const { server, ask: asked } = await serve(t, { maxBytesInFlight: Math.floor(body.length * 1.25) });
    const holder = await dial(t, server);
    holder.write(half(body));
    // Once it has told that the first half is there, the other's does not fit.
    await untilRefused(asked);
    holder.destroy();
    await untilAnswered(asked);
    for (let at = 0; at < 5; at += 1) assert.equal((await asked()).status, 200);
  });

  it('that idle for longest make room for those that come', async (t) => {
    const { server, ask: asked } = await serve(t, { maxConnections: 2 });
    const idle = await dial(t, server);
    const used = await dial(t, server);
    const ended = untilEnd(idle);
    assert.equal((await asked()).status, 200);
    assert.equal(await ended, '');
    used.write(half('', 0));
    await once(used, 'data');
    assert.equal((await asked()).status, 200);
    assert.equal(used.closed, false);
  });

  it('that hold all there is, with a request that was answered, do not keep an API server out', async (t) => {
    const { server, ask: asked } = await serve(t, { maxConnections: 16 });
    for (let at = 0; at < 32; at += 1) {
      const socket = await dial(t, server, '127.0.0.2');
      socket.write(half('', 0));
      await once(socket, 'data');
    }
    for (let at = 0; at < 8; at += 1) assert.equal((await asked()).status, 200);
  });

  it('that do not even shake hands make room too, and whoever holds few keeps them', async (t) => {
    const { server, ask: asked } = await serve(t, { maxConnections: 16 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: first.ca, servername: NAME });
    t.after(() => agent.destroy());
    assert.equal((await asked({ agent })).status, 200);
    const [kept] = Object.values(agent.freeSockets).flat();
    for (let at = 0; at < 64; at += 1) {
      const silent = connectPlain({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      silent.on('error', () => undefined).resume();
      t.after(() => silent.destroy());
      await once(silent, 'connect');
    }
    assert.equal((await asked()).status, 200);
    assert.equal((await asked({ agent })).status, 200);
    assert.equal(kept?.destroyed, false);
  });
});

describe('the certificate', () => {
  it('is exchanged while the server runs: for new connections, and those that are open go on', async (t) => {
    const { server, ask: asked } = await serve(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: first.ca, servername: NAME });
    t.after(() => agent.destroy());
    assert.equal((await asked({ agent })).status, 200);
    server.exchange(second.credentials);
    assert.equal((await asked({ agent })).status, 200);
    await assert.rejects(asked(), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    assert.equal((await asked({ ca: second.ca })).status, 200);
  });

  it('stays where the new one is none, or the key is not its own', async (t) => {
    const { server, ask: asked } = await serve(t);
    const { certificate } = second.credentials;
    const unfit = [
      { certificate: 'nonsense', privateKey: second.credentials.privateKey },
      { certificate, privateKey: 'nonsense' },
      { certificate, privateKey: first.credentials.privateKey },
    ];
    for (const credentials of unfit) {
      assert.throws(() => server.exchange(credentials));
      assert.equal((await asked()).status, 200);
    }
  });

  it('is needed to start', async () => {
    const credentials = { certificate: 'nonsense', privateKey: 'nonsense' };
    const mutate = () => ({ status: 200, contentType: 'text/plain', body: '' });
    await assert.rejects(startWebhookServer({ host: '127.0.0.1', port: 0, credentials, mutate }));
  });
});

describe('the server', () => {
  it('says where it cannot listen', async (t) => {
    const { server } = await serve(t);
    const mutate = () => ({ status: 200, contentType: 'text/plain', body: '' });
    const options = { host: '127.0.0.1', port: server.port, credentials: first.credentials, mutate };
    await assert.rejects(startWebhookServer(options), { code: 'EADDRINUSE' });
  });

  it('answers what has begun to arrive when it closes, and takes nothing new', async (t) => {
    const { server, ask: asked } = await serve(t);
    const idle = await dial(t, server);
    idle.write(half('', 0));
    await once(idle, 'data');
    const late = await dial(t, server);
    const body = reviewOf(podOf());
    late.write(half(body));
    // An answered request on another connection proves that the half has arrived.
    assert.equal((await asked()).status, 200);
    const answer = untilEnd(late);
    const idleEnds = untilEnd(idle);
    const closed = server.close(10_000);
    await assert.rejects(asked(), { code: 'ECONNREFUSED' });
    await idleEnds;
    late.write(body.slice(Math.floor(body.length / 2)));
    assert.match(await answer, /^HTTP\/1\.1 200 [\s\S]*"allowed":true/);
    await closed;
  });

  it('does not wait for what does not arrive', async (t) => {
    const { server } = await serve(t);
    const late = await dial(t, server);
    late.write(half(reviewOf(podOf())));
    const ended = untilEnd(late);
    await server.close(50);
    assert.equal(await ended, '');
  });
});
