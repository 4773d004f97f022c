import { randomUUID } from 'node:crypto';
import type { handleUnaryCall, Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { KeysideError } from '../core/errors.ts';
import { parseTenantId, type TenantId } from '../core/ids.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import { ATTRIBUTES } from '../telemetry/names.ts';
import type { Outcome, Telemetry } from '../telemetry/telemetry.ts';
import type { Admission } from './admission.ts';
import { RpcScope } from './call-scope.ts';
import { assertAllowed, type Callers, type Operation } from './callers.ts';
import type { Decoded } from './messages.ts';
import { parseMetadata } from './parse-metadata.ts';
import { toKeysideError, toServerError } from './status.ts';
import type { TenantOutcomes } from './tenant-outcomes.ts';

export interface UnaryParts {
  readonly admission: Admission;
  readonly callers: Callers;
  readonly outcomes: TenantOutcomes;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly defaultDeadlineMs: number;
  /** Whether there is such a tenant: only then its id may become a label of a metric. */
  readonly isTenant: (id: TenantId) => boolean;
}

/** What every request has. */
interface TenantRequest {
  readonly tenantId: string;
  readonly metadata?: RequestMetadata | undefined;
}

export interface UnaryMethod<Request extends TenantRequest, Response> {
  /** `keyside.v1.CryptoService/Encrypt` */
  readonly name: string;
  readonly operation: Operation;
  handle(request: Request, call: ParsedCall): Promise<Response>;
}

/** A call that was authenticated and allowed for its tenant. */
export interface ParsedCall {
  readonly tenantId: TenantId;
  readonly scope: RpcScope;
  /** @throws {KeysideError} CALLER_NOT_ALLOWED where the caller may not do this too */
  assertAllowed(operation: Operation): void;
  /** Facts for the request's log line; constant names, nothing secret. */
  note(fields: LogFields): void;
}

/**
 * The way every unary call goes: admitted, authenticated, allowed, traced; handled; and whatever is thrown becomes a status. It ends
 * in one log line and one measurement.
 */
export function unary<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
): handleUnaryCall<Decoded<Request>, Response> {
  return (call, callback) => {
    void run(parts, method, { call, callback });
  };
}

async function run<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
  rpc: { call: ServerUnaryCall<Decoded<Request>, Response>; callback: sendUnaryData<Response> },
): Promise<void> {
  const { call, callback } = rpc;
  const startedAtMs = performance.now();
  const span = parts.telemetry.startRequest(method.name, (name) => header(call.metadata, name));
  const scope = new RpcScope(call, span, parts.defaultDeadlineMs);
  const record = new CallRecord(parts, method.name, scope);
  let isAdmitted = false;
  try {
    parts.admission.enter();
    isAdmitted = true;
    parts.telemetry.metrics.requestsInFlight(1);
    const response = await handle(parts, method, { call, scope, record });
    record.end('OK', performance.now() - startedAtMs);
    callback(null, response);
  } catch (thrown) {
    const error = toKeysideError(thrown);
    record.end(error.reason, performance.now() - startedAtMs, error);
    callback(toServerError(error));
  } finally {
    scope.close();
    if (isAdmitted) {
      parts.admission.leave();
      parts.telemetry.metrics.requestsInFlight(-1);
    }
  }
}

async function handle<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
  rpc: { call: ServerUnaryCall<Decoded<Request>, Response>; scope: RpcScope; record: CallRecord },
): Promise<Response> {
  const { call, scope, record } = rpc;
  scope.assertLive();
  const caller = parts.callers.authenticate(header(call.metadata, 'authorization'));
  scope.callerId = caller.id;
  const decoded = call.request;
  if ('fault' in decoded) throw decoded.fault;
  const request = decoded.message;
  const metadata = parseMetadata(request.metadata);
  scope.purpose = metadata.purpose;
  record.note({ requestId: metadata.requestId || undefined, requesterId: metadata.requesterId || undefined });
  const tenantId = parseTenantId(request.tenantId);
  record.tenantId = tenantId;
  assertAllowed(caller, method.operation, tenantId);
  return method.handle(request, {
    tenantId,
    scope,
    assertAllowed: (operation) => assertAllowed(caller, operation, tenantId),
    note: (fields) => record.note(fields),
  });
}

function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}

/** Collects what one call's log line, span and measurement say, and writes them once. */
class CallRecord {
  tenantId: TenantId | undefined;
  readonly #parts: UnaryParts;
  readonly #method: string;
  readonly #scope: RpcScope;
  readonly #fields: Record<string, string | number | boolean | undefined> = {};

  constructor(parts: UnaryParts, method: string, scope: RpcScope) {
    this.#parts = parts;
    this.#method = method;
    this.#scope = scope;
  }

  note(fields: LogFields): void {
    Object.assign(this.#fields, fields);
  }

  end(outcome: Outcome, durationMs: number, error?: KeysideError): void {
    const { telemetry, outcomes, logger, isTenant } = this.#parts;
    const { span, callerId } = this.#scope;
    const tenantId = this.tenantId !== undefined && isTenant(this.tenantId) ? this.tenantId : undefined;
    if (tenantId !== undefined) {
      span.set(ATTRIBUTES.tenant.name, tenantId);
      outcomes.record(tenantId, outcome);
    }
    span.set(ATTRIBUTES.caller.name, callerId);
    span.end(error);
    telemetry.metrics.requestEnded({ method: this.#method, outcome, tenantId, durationMs });
    logger.log(outcome === 'INTERNAL' ? 'error' : 'info', 'request', {
      method: this.#method,
      outcome,
      tenantId: this.tenantId,
      callerId,
      durationMs: Math.round(durationMs * 1000) / 1000,
      traceId: span.traceId,
      ...this.#fields,
      requestId: this.#fields.requestId ?? randomUUID(),
      ...(error === undefined ? undefined : errorFields(error)),
    });
  }
}
