import type { Metadata, MethodDefinition, Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { KeysideError } from '../core/errors.ts';
import { parseTenantId } from '../core/ids.ts';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthDefinition,
  HealthListRequest,
  HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../gen/health/v1/health.ts';
import type { Admission } from './admission.ts';
import { assertAllowed, type Callers } from './callers.ts';
import type { MessageType } from './messages.ts';
import { toKeysideError, toServerError } from './status.ts';
import type { TenantOutcomes } from './tenant-outcomes.ts';

const TENANT_PREFIX = 'tenant/';
/** Open Watch streams of this listener at most. */
const MAX_WATCHES = 100;

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN';
}

interface HealthList {
  readonly statuses: ReadonlyMap<string, HealthResponse>;
}

const RESPONSE = { encode: (response: HealthResponse) => HealthCheckResponse.encode(numbered(response)) };

const SERVICE = {
  check: method('check', HealthCheckRequest, RESPONSE),
  list: method('list', HealthListRequest, {
    encode: ({ statuses }: HealthList) =>
      HealthListResponse.encode({ statuses: new Map([...statuses].map(([name, response]) => [name, numbered(response)])) }),
  }),
  watch: method('watch', HealthCheckRequest, RESPONSE),
};

function numbered({ status }: HealthResponse): HealthCheckResponse {
  return { status: ServingStatus[status] };
}

/** The daemon's side of a method; clients have definitions of their own. */
function method<Request, Response>(
  key: keyof typeof HealthDefinition.methods,
  request: Pick<MessageType<Request>, 'decode'>,
  response: { encode(message: Response): { finish(): Uint8Array } },
): MethodDefinition<Request, Response> {
  const { name, requestStream, responseStream } = HealthDefinition.methods[key];
  const notServed = (): never => {
    throw new Error('this definition only serves');
  };
  return {
    path: `/${HealthDefinition.fullName}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: notServed,
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: notServed,
  };
}

export interface HealthParts {
  readonly admission: Admission;
  readonly callers: Callers;
  readonly outcomes: TenantOutcomes;
  /** The services that are this daemon's, each as healthy as the daemon. */
  readonly services: readonly string[];
}

/**
 * `grpc.health.v1`: "" and the services' names are the daemon, `tenant/<id>` is a tenant's key as its last calls showed it, told only
 * to callers of that tenant. No customer's KMS ever makes the daemon itself unhealthy.
 */
export class Health {
  readonly #parts: HealthParts;
  readonly #watches = new Set<() => void>();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  addToServer(server: Server): void {
    server.addService(SERVICE, {
      check: (call: ServerUnaryCall<HealthCheckRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>) =>
        this.#check(call, callback),
      list: (_call: unknown, callback: sendUnaryData<HealthList>) => {
        const names = ['', ...this.#parts.services];
        callback(null, { statuses: new Map(names.map((name) => [name, { status: this.#daemon() }])) });
      },
      watch: (call: ServerWritableStream<HealthCheckRequest, HealthResponse>) => this.#watch(call),
    });
  }

  /** Tells the watchers that the daemon drains and ends their streams: they would hold up the shutdown. */
  drain(): void {
    for (const end of [...this.#watches]) end();
  }

  #check(call: ServerUnaryCall<HealthCheckRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>): void {
    try {
      callback(null, { status: this.#status(call.request.service, call.metadata) });
    } catch (error) {
      callback(toServerError(toKeysideError(error)));
    }
  }

  #watch(call: ServerWritableStream<HealthCheckRequest, HealthResponse>): void {
    const name = call.request.service;
    try {
      if (this.#watches.size >= MAX_WATCHES) throw new KeysideError('OVERLOADED', `${MAX_WATCHES} watches are open, the limit`);
      call.write({ status: this.#statusOrUnknown(name, call.metadata) });
    } catch (error) {
      // The way grpc-js takes a stream's status; one that is destroyed ends without telling the client.
      call.emit('error', toServerError(toKeysideError(error)));
      return;
    }
    const tenantId = name.startsWith(TENANT_PREFIX) ? name.slice(TENANT_PREFIX.length) : undefined;
    const unlisten = tenantId === undefined ? () => undefined : this.#parts.outcomes.listen(tenantId, latestOnly(call));
    const end = (): void => {
      if (!this.#watches.delete(end)) return;
      unlisten();
      if (!call.cancelled) call.write({ status: 'NOT_SERVING' });
      call.end();
    };
    this.#watches.add(end);
    call.once('cancelled', end);
  }

  /** The protocol's watchers are told SERVICE_UNKNOWN and kept; its checkers get NOT_FOUND. */
  #statusOrUnknown(name: string, metadata: Metadata): HealthResponse['status'] {
    try {
      return this.#status(name, metadata);
    } catch (error) {
      if (error instanceof KeysideError && error.reason === 'TENANT_UNKNOWN') return 'SERVICE_UNKNOWN';
      throw error;
    }
  }

  #status(name: string, metadata: Metadata): HealthResponse['status'] {
    const { callers, outcomes, services } = this.#parts;
    if (name === '' || services.includes(name)) return this.#daemon();
    if (!name.startsWith(TENANT_PREFIX)) throw new KeysideError('TENANT_UNKNOWN', 'no such service is served here');
    const tenantId = parseTenantId(name.slice(TENANT_PREFIX.length), 'service');
    const authorization = metadata.get('authorization')[0];
    const caller = callers.authenticate(typeof authorization === 'string' ? authorization : undefined);
    assertAllowed(caller, 'health', tenantId);
    return outcomes.get(tenantId);
  }

  #daemon(): 'SERVING' | 'NOT_SERVING' {
    return this.#parts.admission.isDraining ? 'NOT_SERVING' : 'SERVING';
  }
}

/** Writes each status; while the watcher does not read, only the last one waits for it. */
function latestOnly(call: ServerWritableStream<HealthCheckRequest, HealthResponse>): (status: HealthResponse['status']) => void {
  let waiting: HealthResponse['status'] | undefined;
  return (status) => {
    const isWaiting = waiting !== undefined;
    if (!isWaiting && !call.writableNeedDrain) {
      call.write({ status });
      return;
    }
    waiting = status;
    if (isWaiting) return;
    call.once('drain', () => {
      if (waiting !== undefined) call.write({ status: waiting });
      waiting = undefined;
    });
  };
}
