import type { handleUnaryCall, Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { AuditTrail } from '../audit/trail.ts';
import { parseTenantId, type TenantId } from '../core/ids.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';
import type { LogFields } from '../telemetry/logger.ts';
import type { Outcome } from '../telemetry/telemetry.ts';
import type { Admission } from './admission.ts';
import { type AuditKind, recordDenial, settledFor } from './call-audit.ts';
import { CallRecord, type RecordedMethod, type RecordParts } from './call-record.ts';
import { RpcScope } from './call-scope.ts';
import { assertAllowed, type Caller, type Operation } from './callers.ts';
import type { Gate } from './gate.ts';
import { type Decoded, releaseMessage } from './messages.ts';
import { parseMetadata } from './parse-metadata.ts';
import { toKeysideError, toServerError } from './status.ts';

export interface UnaryParts extends RecordParts {
  readonly audit: AuditTrail;
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
  /** What its records in the audit trail are about, those of its refusals at least. */
  readonly auditKind: AuditKind;
  /** At once, without a promise, where nothing is waited for. */
  handle(request: Request, call: ParsedCall): Response | Promise<Response>;
}

/**
 * The way every unary call goes once it passed the gate: decoded, allowed, traced; handled; and whatever is thrown becomes a status. It ends
 * in one log line and one measurement.
 */
export function unary<Request extends TenantRequest, Response>(
  parts: UnaryParts,
  method: UnaryMethod<Request, Response>,
): handleUnaryCall<Decoded<Request>, Response> {
  return (call, callback) => new UnaryCall(parts, method, { call, callback }).run();
}

class UnaryCall<Request extends TenantRequest, Response> {
  readonly #parts: UnaryParts;
  readonly #method: UnaryMethod<Request, Response>;
  readonly #call: ServerUnaryCall<Decoded<Request>, Response>;
  readonly #callback: sendUnaryData<Response>;
  readonly #startedAtMs = performance.now();
  readonly #scope: RpcScope;
  readonly #record: CallRecord;
  #admitted: ParsedCall | undefined;

  constructor(
    parts: UnaryParts,
    method: UnaryMethod<Request, Response>,
    { call, callback }: { call: ServerUnaryCall<Decoded<Request>, Response>; callback: sendUnaryData<Response> },
  ) {
    this.#parts = parts;
    this.#method = method;
    this.#call = call;
    this.#callback = callback;
    const span = parts.telemetry.startRequest(method.name, (name) => header(call.metadata, name));
    this.#scope = new RpcScope(call, span, parts.defaultDeadlineMs);
    this.#record = new CallRecord(parts, method, this.#scope);
  }

  run(): void {
    try {
      const response = this.#handle();
      if (response instanceof Promise) {
        void response.then((value) => this.#succeed(value)).catch((thrown: unknown) => this.#fail(thrown));
      } else {
        this.#succeed(response);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #handle(): Response | Promise<Response> {
    const [parts, method, call, scope] = [this.#parts, this.#method, this.#call, this.#scope];
    scope.assertLive();
    const caller = parts.gate.callerOf(call.metadata);
    scope.callerId = caller.id;
    const decoded = call.request;
    if ('fault' in decoded) throw decoded.fault;
    const request = decoded.message;
    const { operation } = method;
    const admittance = { headers: call.metadata, caller, request, operation, scope, record: this.#record };
    this.#admitted = admit(parts, admittance);
    return method.handle(request, this.#admitted);
  }

  /** Nobody is answered before the call's records are as durable as is promised: neither with a result nor with a refusal. */
  #succeed(response: Response): void {
    const settled = settledFor(this.#parts.audit, this.#record);
    if (settled === undefined) this.#answer(response);
    else
      settled.then(
        () => this.#answer(response),
        (error: unknown) => this.#refuse(error),
      );
  }

  #fail(thrown: unknown): void {
    const settled = this.#recordFailure(thrown);
    if (settled instanceof Promise)
      settled.then(
        () => this.#refuse(thrown),
        (error: unknown) => this.#refuse(error),
      );
    else this.#refuse(settled ?? thrown);
  }

  /** What to wait for, or in place of what was thrown to be answered with. */
  #recordFailure(thrown: unknown): unknown {
    try {
      const { auditKind } = this.#method;
      const at = { startedAtMs: this.#startedAtMs, error: thrown };
      recordDenial(this.#parts.audit, { record: this.#record, kind: auditKind, ...at });
      return settledFor(this.#parts.audit, this.#record);
    } catch (error) {
      return error;
    }
  }

  #answer(response: Response): void {
    this.#admitted?.leave();
    this.#record.end('OK', performance.now() - this.#startedAtMs);
    this.#callback(null, response);
    this.#close();
  }

  #refuse(thrown: unknown): void {
    this.#admitted?.leave();
    const error = toKeysideError(thrown);
    this.#record.end(error.reason, performance.now() - this.#startedAtMs, error);
    this.#callback(toServerError(error));
    this.#close();
  }

  #close(): void {
    this.#scope.close();
    this.#parts.gate.answered(this.#call.metadata);
    releaseMessage(this.#call.request);
  }
}

export interface Admittance {
  readonly headers: Metadata;
  readonly caller: Caller;
  readonly request: TenantRequest;
  readonly operation: Operation;
  readonly scope: RpcScope;
  readonly record: CallRecord;
}

type AdmittingParts = Pick<UnaryParts, 'admission' | 'gate'>;

/**
 * Takes a call in for the tenant that the request names, where the caller may and the tenant has a place left. `leave` ends it.
 * @throws {KeysideError} REQUEST_INVALID, CALLER_NOT_ALLOWED, OVERLOADED
 */
export function admit(parts: AdmittingParts, admittance: Admittance): ParsedCall {
  const { caller, request, operation, scope, record } = admittance;
  // The tenant first: a refusal of the rest is on its record.
  const tenantId = parseTenantId(request.tenantId);
  record.tenantId = tenantId;
  const metadata = parseMetadata(request.metadata);
  scope.purpose = metadata.purpose;
  record.metadata = metadata;
  assertAllowed(caller, operation, tenantId);
  return new ParsedCall(parts, admittance, tenantId);
}

/** A call that was authenticated and allowed for its tenant, and has a place of it. */
export class ParsedCall {
  readonly tenantId: TenantId;
  readonly scope: RpcScope;
  readonly #gate: Gate;
  readonly #admittance: Admittance;
  #leave: (() => void) | undefined;

  /** @throws {KeysideError} OVERLOADED */
  constructor({ admission, gate }: AdmittingParts, admittance: Admittance, tenantId: TenantId) {
    this.tenantId = tenantId;
    this.scope = admittance.scope;
    this.#gate = gate;
    this.#admittance = admittance;
    this.#leave = admission.enterTenant(tenantId);
  }

  /** @throws {KeysideError} CALLER_NOT_ALLOWED where the caller may not do this too */
  assertAllowed(operation: Operation): void {
    assertAllowed(this.#admittance.caller, operation, this.tenantId);
  }

  /**
   * To be asked again in a call that lasts: tokens and rights may have gone since.
   * @throws {KeysideError} CALLER_UNAUTHENTICATED, CALLER_NOT_ALLOWED
   */
  assertStillAllowed(): void {
    const { headers, operation } = this.#admittance;
    assertAllowed(this.#gate.reauthenticate(headers), operation, this.tenantId);
  }

  /** What is written of the call. */
  get record(): CallRecord {
    return this.#admittance.record;
  }

  /** Facts for the request's log line; constant names, nothing secret. */
  note(fields: LogFields): void {
    this.#admittance.record.note(fields);
  }

  /** What the call showed of the tenant's key: the health of a tenant is what its last calls showed. */
  keyShown(outcomes: readonly Outcome[]): void {
    this.#admittance.record.keyShown(outcomes);
  }

  /** Gives the tenant's place back; again it does nothing. */
  leave(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

/** Reads one header of a call; undefined where it has none. */
export function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}
