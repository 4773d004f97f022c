import { randomUUID } from 'node:crypto';
import type { CallFacts } from '../audit/event.ts';
import type { KeysideError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import { ATTRIBUTES } from '../telemetry/names.ts';
import type { Outcome, Telemetry } from '../telemetry/telemetry.ts';
import type { RpcScope } from './call-scope.ts';
import { NO_METADATA, type ParsedMetadata } from './parse-metadata.ts';
import type { TenantOutcomes } from './tenant-outcomes.ts';

export interface RecordParts {
  readonly outcomes: TenantOutcomes;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Whether there is such a tenant: only then its id may become a label of a metric. */
  readonly isTenant: (id: TenantId) => boolean;
}

export interface RecordedMethod {
  /** `keyside.v1.CryptoService/Encrypt` */
  readonly name: string;
  /** Whether the way the call ends shows how the tenant's key does; where it does not, the handler tells what was shown. */
  readonly outcomeShowsKey: boolean;
}

/** Collects what one call's log line, span and measurement say, and writes them once. */
export class CallRecord {
  tenantId: TenantId | undefined;
  metadata: ParsedMetadata = NO_METADATA;
  /** Whether the audit trail has a record of it. */
  isAudited = false;
  readonly #parts: RecordParts;
  readonly #method: RecordedMethod;
  readonly #scope: RpcScope;
  #noted: LogFields | undefined;
  #requestId = '';
  #hasTakenAttributes = false;

  constructor(parts: RecordParts, method: RecordedMethod, scope: RpcScope) {
    this.#parts = parts;
    this.#method = method;
    this.#scope = scope;
  }

  /** The RPC without its service: `Encrypt`. */
  get rpc(): string {
    const { name } = this.#method;
    return name.slice(name.indexOf('/') + 1);
  }

  /** The request's, or one of our own making. */
  get requestId(): string {
    if (this.#requestId === '') this.#requestId = this.metadata.requestId || randomUUID();
    return this.#requestId;
  }

  /** Whether there is such a tenant as the request names. */
  get isOfTenant(): boolean {
    return this.tenantId !== undefined && this.#parts.isTenant(this.tenantId);
  }

  /** Who asked for what, for the next audit record of the call: only the first one has the attributes, a batch has thousands. */
  takeFacts(): CallFacts {
    const { requesterId, sourceIp, dataLabel, purpose, objectId, subjectId } = this.metadata;
    const { attributes } = this.#hasTakenAttributes ? NO_METADATA : this.metadata;
    this.#hasTakenAttributes = true;
    const { callerId, span } = this.#scope;
    return {
      callerId,
      requesterId,
      requestId: this.requestId,
      traceId: span.traceId ?? '',
      sourceIp,
      dataLabel,
      purpose,
      objectId,
      subjectId,
      attributes,
    };
  }

  note(fields: LogFields): void {
    this.#noted = this.#noted === undefined ? fields : { ...this.#noted, ...fields };
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
    const line: Record<string, LogFields[string]> = {
      method,
      outcome,
      tenantId: this.tenantId,
      callerId,
      durationMs: Math.round(durationMs * 1000) / 1000,
      traceId: span.traceId,
      requestId: this.requestId,
      requesterId: this.metadata.requesterId || undefined,
    };
    // Assigned one by one: spread, they would cost more than the rest of the line.
    for (const name in this.#noted) line[name] = this.#noted[name];
    if (error !== undefined) Object.assign(line, errorFields(error));
    logger.log(outcome === 'INTERNAL' ? 'error' : 'info', 'request', line);
  }
}
