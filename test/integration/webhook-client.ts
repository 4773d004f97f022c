import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Authority, type PemPair } from '../../src/injector/certificates/authority.ts';
import { PodReviewer } from '../../src/injector/pod-reviewer.ts';
import { startWebhookServer, type WebhookLimits, type WebhookServer } from '../../src/injector/webhook-server.ts';
import { NO_TELEMETRY } from '../../src/telemetry/telemetry.ts';
import { podOf, SETTINGS } from '../fakes/pods.ts';

export const NAME = 'keyside-injector.keyside.svc';
export const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';
const JSON_TYPE = { 'content-type': 'application/json' };

function newPair(): { readonly ca: string; readonly credentials: PemPair } {
  const life = { nowMs: Date.now(), lifetimeMs: 3_600_000 };
  const { authority, pair } = Authority.make(life);
  return { ca: pair.certificate, credentials: authority.issue({ dnsNames: [NAME], ...life }) };
}

export const first = newPair();
export const second = newPair();

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Question extends RequestOptions {
  readonly body?: string | Buffer;
}

/** An injector's webhook on a port of its own, and a way to ask it as an API server does. */
export async function serve(t: TestContext, limits: Partial<WebhookLimits> = {}) {
  const reviewer = new PodReviewer({ settings: () => SETTINGS, logger: { log: () => undefined }, metrics: NO_TELEMETRY.metrics });
  const server = await startWebhookServer({
    host: '127.0.0.1',
    port: 0,
    credentials: first.credentials,
    mutate: (body) => reviewer.review(body),
    limits,
  });
  t.after(() => server.close(0));
  return { server, ask: (question: Question = {}) => ask(server, question) };
}

function to({ port }: WebhookServer): RequestOptions {
  return { host: '127.0.0.1', port, servername: NAME, ca: first.ca, agent: false };
}

async function ask(server: WebhookServer, { body = reviewOf(podOf()), ...options }: Question): Promise<Answer> {
  const sent = request({ ...to(server), method: 'POST', path: '/mutate?timeout=5s', headers: JSON_TYPE, ...options });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: text };
}

export function reviewOf(object: unknown, more: object = {}): string {
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: UID,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource,
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: resource,
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      ...more,
    },
  });
}

/** A TLS connection that is written to by hand. */
export async function dial(t: TestContext, server: WebhookServer, from = '127.0.0.1'): Promise<TLSSocket> {
  // The address that it comes from is an option of the connection below, which the types do not know.
  const options: ConnectionOptions & { readonly localAddress: string } = {
    host: '127.0.0.1',
    port: server.port,
    localAddress: from,
    servername: NAME,
    ca: first.ca,
  };
  const socket = connect(options);
  t.after(() => socket.destroy());
  // Whether and how it ends is what tests look at.
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

export function half(body: string, declared = body.length): string {
  const head = `POST /mutate HTTP/1.1\r\nhost: ${NAME}\r\ncontent-type: application/json\r\ncontent-length: ${declared}\r\n\r\n`;
  return head + body.slice(0, Math.floor(body.length / 2));
}

/** All that comes until the other side ends the connection. */
export async function untilEnd(socket: TLSSocket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  if (!socket.closed) await once(socket, 'close');
  return text;
}

export async function untilRefused(asked: () => Promise<Answer>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) if ((await asked()).status === 503) return;
  assert.fail('no request was refused');
}

export async function untilAnswered(asked: () => Promise<Answer>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await asked().catch(() => undefined);
    if (answer?.status === 200) return;
  }
  assert.fail('no request was answered');
}
