import type { Metadata, Server, ServerUnaryCall, ServerWritableStream, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { KeysideError } from '../core/errors.ts';
import { parseTenantId } from '../core/ids.ts';
import type { Admission } from './admission.ts';
import { assertAllowed, type Callers } from './callers.ts';
import { toKeysideError, toServerError } from './status.ts';
import type { TenantOutcomes } from './tenant-outcomes.ts';

const TENANT_PREFIX = 'tenant/';
/** Open Watch streams of this listener at most. */
const MAX_WATCHES = 100;

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN';
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
    server.addService(service as unknown as ServiceDefinition, {
      check: (call: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>) =>
        this.#check(call, callback),
      list: (_call: unknown, callback: sendUnaryData<{ statuses: Record<string, HealthResponse> }>) => {
        const names = ['', ...this.#parts.services];
        callback(null, { statuses: Object.fromEntries(names.map((name) => [name, { status: this.#daemon() }])) });
      },
      watch: (call: ServerWritableStream<HealthRequest, HealthResponse>) => this.#watch(call),
    });
  }

  /** Tells the watchers that the daemon drains and ends their streams: they would hold up the shutdown. */
  drain(): void {
    for (const end of [...this.#watches]) end();
  }

  #check(call: ServerUnaryCall<HealthRequest, HealthResponse>, callback: sendUnaryData<HealthResponse>): void {
    try {
      callback(null, { status: this.#status(call.request.service, call.metadata) });
    } catch (error) {
      callback(toServerError(toKeysideError(error)));
    }
  }

  #watch(call: ServerWritableStream<HealthRequest, HealthResponse>): void {
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
function latestOnly(call: ServerWritableStream<HealthRequest, HealthResponse>): (status: HealthResponse['status']) => void {
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
