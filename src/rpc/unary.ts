import type { handleUnaryCall, Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { parseTenantId, type TenantId } from '../core/ids.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';
import type { LogFields } from '../telemetry/logger.ts';
import type { Outcome } from '../telemetry/telemetry.ts';
import type { Admission } from './admission.ts';
import { CallRecord, type RecordedMethod, type RecordParts } from './call-record.ts';
import { RpcScope } from './call-scope.ts';
import { assertAllowed, type Operation } from './callers.ts';
import type { Gate } from './gate.ts';
import type { Decoded } from './messages.ts';
import { parseMetadata } from './parse-metadata.ts';
import { toKeysideError, toServerError } from './status.ts';

export interface UnaryParts extends RecordParts {
  readonly admission: Admission;
  readonly gate: Gate;
  readonly defaultDeadlineMs: number;
}

/** What every request has. */
export interface TenantRequest {
  readonly tenantId: string;
  readonly metadata?: RequestMetadata | undefined;
}

export interface UnaryMethod<Request extends TenantRequest, Response> extends RecordedMethod {
  readonly operation: Operation;
  handle(request: Request, call: ParsedCall): Promise<Response>;
}

/** A call that was authenticated and allowed for its tenant. */
export interface ParsedCall {
  readonly tenantId: TenantId;
  readonly scope: RpcScope;
  /** @throws {KeysideError} CALLER_NOT_ALLOWED where the caller may not do this too */
  assertAllowed(operation: Operation): void;
  /**
   * To be asked again in a call that lasts: tokens and rights may have gone since.
   * @throws {KeysideError} CALLER_UNAUTHENTICATED, CALLER_NOT_ALLOWED
   */
  assertStillAllowed(): void;
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
    parts.gate.answered(call.metadata);
  }
}

async function handle<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
  rpc: { call: ServerUnaryCall<Decoded<Request>, Response>; scope: RpcScope; record: CallRecord },
): Promise<Response> {
  const { call, scope, record } = rpc;
  const { operation } = method;
  scope.assertLive();
  scope.callerId = parts.gate.callerOf(call.metadata).id;
  const decoded = call.request;
  if ('fault' in decoded) throw decoded.fault;
  const request = decoded.message;
  const admittance = { headers: call.metadata, request, operation, scope, record };
  return await admitted(parts, admittance, (parsed) => method.handle(request, parsed));
}

export interface Admittance {
  readonly headers: Metadata;
  readonly request: TenantRequest;
  readonly operation: Operation;
  readonly scope: RpcScope;
  readonly record: CallRecord;
}

/**
 * Runs `work` for the tenant that the request names, where the caller may and the tenant has a place left.
 * @throws {KeysideError} REQUEST_INVALID, CALLER_NOT_ALLOWED, OVERLOADED
 */
export async function admitted<Result>(
  { admission, gate }: Pick<UnaryParts, 'admission' | 'gate'>,
  { headers, request, operation, scope, record }: Admittance,
  work: (call: ParsedCall) => Promise<Result>,
): Promise<Result> {
  const metadata = parseMetadata(request.metadata);
  scope.purpose = metadata.purpose;
  record.note({ requestId: metadata.requestId || undefined, requesterId: metadata.requesterId || undefined });
  const tenantId = parseTenantId(request.tenantId);
  record.tenantId = tenantId;
  const caller = gate.callerOf(headers);
  assertAllowed(caller, operation, tenantId);
  const leave = admission.enterTenant(tenantId);
  try {
    return await work({
      tenantId,
      scope,
      assertAllowed: (other) => assertAllowed(caller, other, tenantId),
      assertStillAllowed: () => assertAllowed(gate.reauthenticate(headers), operation, tenantId),
      note: (fields) => record.note(fields),
      keyShown: (outcomes) => record.keyShown(outcomes),
    });
  } finally {
    leave();
  }
}

/** Reads one header of a call; undefined where it has none. */
export function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}
