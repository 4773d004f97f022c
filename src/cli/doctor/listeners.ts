import { lstatSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { KeysideClient } from '../../../clients/typescript/src/index.ts';
import type { DaemonConfig } from '../../config/daemon-config.ts';
import type { ListenAddress } from '../../config/listen-address.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Long enough for a daemon on this machine. */
const ANSWER_MS = 2_000;

type Occupant = 'daemon' | 'draining daemon' | 'other';

/** Whether each address is free, or a daemon of ours answers there already. Binds and lets go at once; connects to this machine only. */
export async function* checkListeners(listen: DaemonConfig['listen']): AsyncGenerator<Finding> {
  if (listen.tcp !== undefined) yield await checkTcp(listen.tcp, listen.tls !== undefined);
  if (listen.unixPath !== undefined) yield await checkUnix(listen.unixPath);
  if (listen.http !== undefined) yield await checkHttp(listen.http);
}

async function checkTcp(address: ListenAddress, hasTls: boolean): Promise<Finding> {
  const text = renderAddress(address);
  const what = `listen.tcp ${text}`;
  const failure = await bindFailure(address);
  if (failure !== 'EADDRINUSE') return freeOr(what, failure);
  if (hasTls) return warn(what, 'in use; by whom cannot be told without a certificate to show');
  return occupied(what, await occupantOf(text));
}

async function checkUnix(path: string): Promise<Finding> {
  const what = `listen.unix ${path}`;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return ok(what, 'free');
  if (!stats.isSocket()) return fail(what, 'something that is not a socket is there', 'remove it, or name another path');
  if (!(await accepts(path))) return ok(what, 'free; the old socket there, which nobody listens on, is replaced');
  return occupied(what, await occupantOf(`unix://${path}`));
}

async function checkHttp(address: ListenAddress): Promise<Finding> {
  const what = `listen.http ${renderAddress(address)}`;
  const failure = await bindFailure(address);
  if (failure !== 'EADDRINUSE') return freeOr(what, failure);
  return occupied(what, (await answersLivez(address)) ? 'daemon' : 'other');
}

function freeOr(what: string, failure: string | undefined): Finding {
  if (failure === undefined) return ok(what, 'free');
  const words: Readonly<Record<string, string>> = {
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'no interface of this machine has the address',
    ENOTFOUND: 'the name leads to no address',
  };
  return fail(what, words[failure] ?? `it cannot be listened on (${failure})`, 'name another address in the configuration');
}

function occupied(what: string, occupant: Occupant): Finding {
  if (occupant === 'daemon') return ok(what, 'a Keyside daemon answers here');
  if (occupant === 'draining daemon') return warn(what, 'a Keyside daemon answers here and is shutting down');
  return fail(what, 'another program listens here', 'stop it, or name another address in the configuration');
}

/** The code of what keeps the address from being listened on; undefined where nothing does. */
function bindFailure({ host, port }: ListenAddress): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  return promise;
}

function accepts(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path, () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/** Precondition: somebody listens there, who is not shown a token. */
async function occupantOf(address: string): Promise<Occupant> {
  const client = new KeysideClient({ address, timeoutMs: ANSWER_MS, connectTimeoutMs: 0, environment: {} });
  try {
    return (await client.isServing()) ? 'daemon' : 'draining daemon';
  } catch {
    return 'other';
  } finally {
    client.close();
  }
}

function answersLivez({ host, port }: ListenAddress): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get({ host: reachable(host), port, path: '/livez', timeout: ANSWER_MS }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.on('error', () => resolve(false));
  request.on('timeout', () => request.destroy());
  return promise;
}

/** Where a listener on every address is reached from this machine. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function renderAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
