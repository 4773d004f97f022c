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
import { assertAllowed, type Operation } from './callers.ts';
import type { Gate } from './gate.ts';
import type { Decoded } from './messages.ts';
import { parseMetadata } from './parse-metadata.ts';
import { toKeysideError, toServerError } from './status.ts';
import type { TenantOutcomes } from './tenant-outcomes.ts';

export interface UnaryParts {
  readonly admission: Admission;
  readonly gate: Gate;
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
  /** Whether the way the call ends shows how the tenant's key does; where it does not, the handler tells what was shown. */
  readonly outcomeShowsKey: boolean;
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
  /** What the call showed of the tenant's key: the health of a tenant is what its last calls showed. */
  keyShown(outcomes: readonly Outcome[]): void;
}

/**
 * The way every unary call goes once it passed the gate: decoded, allowed, traced; handled; and whatever is thrown becomes a status. It ends
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
  const record = new CallRecord(parts, method, scope);
  try {
    const response = await handle(parts, method, { call, scope, record });
    record.end('OK', performance.now() - startedAtMs);
    callback(null, response);
  } catch (thrown) {
    const error = toKeysideError(thrown);
    record.end(error.reason, performance.now() - startedAtMs, error);
    callback(toServerError(error));
  } finally {
    scope.close();
  }
}

async function handle<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
  rpc: { call: ServerUnaryCall<Decoded<Request>, Response>; scope: RpcScope; record: CallRecord },
): Promise<Response> {
  const { call, scope, record } = rpc;
  scope.assertLive();
  const caller = parts.gate.callerOf(call.metadata);
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
  const leave = parts.admission.enterTenant(tenantId);
  try {
    return await method.handle(request, {
      tenantId,
      scope,
      assertAllowed: (operation) => assertAllowed(caller, operation, tenantId),
      note: (fields) => record.note(fields),
      keyShown: (outcomes) => record.keyShown(outcomes),
    });
  } finally {
    leave();
  }
}

function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}

/** Collects what one call's log line, span and measurement say, and writes them once. */
class CallRecord {
  tenantId: TenantId | undefined;
  readonly #parts: UnaryParts;
  readonly #method: Pick<UnaryMethod<TenantRequest, unknown>, 'name' | 'outcomeShowsKey'>;
  readonly #scope: RpcScope;
  readonly #fields: Record<string, string | number | boolean | undefined> = {};

  constructor(parts: UnaryParts, method: Pick<UnaryMethod<TenantRequest, unknown>, 'name' | 'outcomeShowsKey'>, scope: RpcScope) {
    this.#parts = parts;
    this.#method = method;
    this.#scope = scope;
  }

  note(fields: LogFields): void {
    Object.assign(this.#fields, fields);
  }

  keyShown(outcomes: readonly Outcome[]): void {
    const { tenantId } = this;
    if (tenantId !== undefined && this.#parts.isTenant(tenantId)) this.#parts.outcomes.record(tenantId, outcomes);
  }

  end(outcome: Outcome, durationMs: number, error?: KeysideError): void {
    const { telemetry, logger, isTenant } = this.#parts;
    const { name: method, outcomeShowsKey } = this.#method;
    const { span, callerId } = this.#scope;
    const tenantId = this.tenantId !== undefined && isTenant(this.tenantId) ? this.tenantId : undefined;
    if (tenantId !== undefined) span.set(ATTRIBUTES.tenant.name, tenantId);
    if (outcomeShowsKey) this.keyShown([outcome]);
    span.set(ATTRIBUTES.caller.name, callerId);
    span.end(error);
    telemetry.metrics.requestEnded({ method, outcome, tenantId, durationMs });
    logger.log(outcome === 'INTERNAL' ? 'error' : 'info', 'request', {
      method,
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
