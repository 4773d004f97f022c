import type { TestContext } from 'node:test';
import { type CallOptions, Client, credentials, Metadata, type Server, type ServiceError } from '@grpc/grpc-js';
import { NO_AUDIT } from '../../src/audit/trail.ts';
import { ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { Admission } from '../../src/rpc/admission.ts';
import { Callers } from '../../src/rpc/callers.ts';
import { drain } from '../../src/rpc/drain.ts';
import type { Health } from '../../src/rpc/health.ts';
import { bindListeners } from '../../src/rpc/listen.ts';
import type { MessageType } from '../../src/rpc/messages.ts';
import { buildServer, type ServerParts } from '../../src/rpc/server.ts';
import { TenantOutcomes } from '../../src/rpc/tenant-outcomes.ts';
import { JsonLogger } from '../../src/telemetry/json-logger.ts';
import { NO_TELEMETRY } from '../../src/telemetry/telemetry.ts';
import { settled } from './kms-timer.ts';
import { World, type WorldOptions } from './world.ts';

export interface EdgeOptions extends WorldOptions {
  readonly callers?: Callers;
  readonly maxCalls?: number;
  readonly maxCallsPerTenant?: number;
  readonly maxCallsPerCaller?: number;
  readonly maxBytes?: number;
  readonly server?: Partial<
    Pick<ServerParts, 'audit' | 'limits' | 'defaultDeadlineMs' | 'maxStreamAgeMs' | 'maxMessageBytes' | 'hasReflection'>
  >;
}

export const CONNECTIONS = { maxConnections: 1_000, maxConcurrentCalls: 1_000 };

/** How a call ended that did not end well, as a client reads it. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly retryMs: number | undefined;
}

/** The daemon's gRPC edge over a `World`, on a port of its own, and a client. Closed when the test ends. */
export class Edge {
  readonly world: World;
  readonly admission: Admission;
  readonly outcomes = new TenantOutcomes();
  readonly server: Server;
  readonly health: Health;
  readonly logger: JsonLogger;
  #log = '';
  #client: Client | undefined;
  #address: string | undefined;

  static async start(t: TestContext, options: EdgeOptions = {}): Promise<Edge> {
    const edge = new Edge(options);
    const { tcp } = await bindListeners(edge.server, { tcp: '127.0.0.1:0', unix: undefined, tls: undefined }, CONNECTIONS);
    edge.#address = tcp;
    edge.#client = new Client(tcp as string, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    t.after(() => {
      edge.client.close();
      edge.server.forceShutdown();
    });
    return edge;
  }

  /** Not yet listening. */
  constructor(options: EdgeOptions = {}) {
    this.world = new World(options);
    const { maxCalls = 100, maxCallsPerTenant = maxCalls } = options;
    const { maxCallsPerCaller = maxCalls, maxBytes = 2 ** 28 } = options;
    this.admission = new Admission({
      maxConcurrentCalls: maxCalls,
      maxConcurrentCallsPerTenant: maxCallsPerTenant,
      maxConcurrentCallsPerCaller: maxCallsPerCaller,
      maxBytesInFlight: maxBytes,
      maxBytesInFlightPerCaller: maxBytes,
    });
    this.logger = new JsonLogger({ sink: { write: (bytes) => this.#write(bytes) }, level: 'debug' });
    const { world, admission, outcomes, logger } = this;
    const built = buildServer({
      service: world,
      audit: NO_AUDIT,
      admission,
      outcomes,
      logger,
      callers: options.callers ?? new Callers(true),
      telemetry: { ...NO_TELEMETRY, metrics: world.metrics },
      limits: { maxDocumentBytes: 2 ** 20, maxFields: 10_000, maxBatchDocuments: 100 },
      defaultDeadlineMs: 30_000,
      maxStreamAgeMs: 3_600_000,
      maxMessageBytes: 2 ** 22,
      hasReflection: true,
      isTenant: (id) => world.tenants.has(id),
      ...options.server,
    });
    this.server = built.server;
    this.health = built.health;
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error('the edge does not listen');
    return this.#client;
  }

  get address(): string {
    if (this.#address === undefined) throw new Error('the edge does not listen');
    return this.#address;
  }

  /** What was logged, as text. */
  get log(): string {
    this.logger.flushSync();
    return this.#log;
  }

  /** What was logged, by line. */
  get lines(): readonly Readonly<Record<string, unknown>>[] {
    return this.log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  drain(timeoutMs = 5_000): Promise<void> {
    const { server, admission, health, logger } = this;
    return drain({ server, admission, health, timeoutMs, logger });
  }

  #write(bytes: Uint8Array): number {
    this.#log += Buffer.from(bytes).toString();
    return bytes.length;
  }
}

interface Method<Request, Response> {
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

export interface Outgoing {
  readonly token?: string;
  readonly deadlineMs?: number;
  /** Bytes in place of the message. */
  readonly raw?: Uint8Array;
}

/** A call under way. */
export interface Sent<Response> {
  readonly answer: Promise<Response>;
  cancel(): void;
}

/** Sends a message of which everything left out is at its default. */
export function send<Request, Response>(
  client: Client,
  { path, request, response }: Method<Request, Response>,
  { message, token, deadlineMs, raw }: Outgoing & { readonly message: Partial<Request> },
): Sent<Response> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const options: CallOptions = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  const whole: Request = { ...request.decode(new Uint8Array()), ...message };
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const call = client.makeUnaryRequest(
    path,
    () => Buffer.from(raw ?? request.encode(whole).finish()),
    (bytes: Buffer) => response.decode(bytes),
    whole,
    metadata,
    options,
    (error, value) => (error === null ? resolve(value as Response) : reject(error)),
  );
  return { answer: promise, cancel: () => call.cancel() };
}

/** How the call was refused. Fails where it was not. */
export async function refusalOf(answer: Promise<unknown>): Promise<Refusal> {
  let error: ServiceError;
  try {
    await answer;
  } catch (thrown) {
    error = thrown as ServiceError;
    const [trailer] = error.metadata?.get('grpc-status-details-bin') ?? [];
    const sent = Buffer.isBuffer(trailer) ? Status.decode(trailer) : undefined;
    return { ...readDetails(sent), code: error.code, message: error.details };
  }
  throw new Error('the call was answered');
}

/** What a `google.rpc.Status` says, in a batch's item or a trailer. */
export function readDetails(sent: Status | undefined): Omit<Refusal, 'code' | 'message'> {
  const find = (name: string): Uint8Array | undefined =>
    sent?.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`)?.value;
  const [info, retry] = [find('ErrorInfo'), find('RetryInfo')];
  const { reason, domain, metadata } = info === undefined ? {} : ErrorInfo.decode(info);
  const delay = retry && RetryInfo.decode(retry).retryDelay;
  return {
    reason,
    domain,
    details: Object.fromEntries(metadata ?? []),
    retryMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1_000_000,
  };
}

/** Waits, in turns of the event loop, for what the other end of a connection does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const givenUpAt = Date.now() + 3_000;
  while (!holds()) {
    if (Date.now() > givenUpAt) throw new Error(`not within 3 s: ${what}`);
    await settled();
  }
}
