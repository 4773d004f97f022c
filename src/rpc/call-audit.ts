import type { CallEvent, DataEvent, KeyFacts } from '../audit/event.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { KeysideError } from '../core/errors.ts';
import type { KeyUse, ServiceParts } from '../service/service.ts';
import { listKeys } from '../service/tenant-keys.ts';
import type { Outcome } from '../telemetry/telemetry.ts';
import type { CallRecord } from './call-record.ts';

/** What records of documents are made with. */
export interface AuditParts {
  readonly audit: AuditTrail;
  readonly service: Pick<ServiceParts, 'tenants'>;
}

/** A document or object of a call, as it is known before it is worked on. */
export interface AuditedData {
  /** Of a call that names a tenant there is. */
  readonly record: CallRecord;
  readonly kind: DataEvent['kind'];
  /** Of a batch's document, else empty. */
  readonly itemId: string;
  readonly fields: number;
  /** Of the plaintext; 0 until the work finds it out. */
  bytes: number;
}

/** What the records of a method's calls are about. */
export type AuditKind = DataEvent['kind'] | CallEvent['kind'];

/** What a use case gives beside its result. */
interface WithKeyUse {
  readonly keyUse: KeyUse;
}

const NO_KEYS: readonly KeyFacts[] = [];

/**
 * Does the work, and records how it ended before anybody learns of it. At once where the work is.
 * @param bytesOf the plaintext's bytes, where only the result tells
 * @throws {KeysideError} AUDIT_UNAVAILABLE: before the work where that is known by then, else in place of its result
 */
export function audited<R extends WithKeyUse>(
  parts: AuditParts,
  data: AuditedData,
  { work, bytesOf }: { work: () => R | Promise<R>; bytesOf?: (result: R) => number },
): R | Promise<R> {
  const { audit } = parts;
  if (audit.mode === 'off') return work();
  audit.assertAvailable();
  const startedAtMs = performance.now();
  const succeeded = (result: R): R => {
    if (bytesOf !== undefined) data.bytes = bytesOf(result);
    const keys = keyFacts(parts.service, data.record, result.keyUse);
    recordData(audit, data, { keys, outcome: 'OK', startedAtMs, phase: 'whole' });
    return result;
  };
  const failed = (error: unknown): never => {
    recordData(audit, data, { keys: NO_KEYS, outcome: outcomeOf(error), startedAtMs, phase: 'whole' });
    throw error;
  };
  let result: R | Promise<R>;
  try {
    result = work();
  } catch (error) {
    return failed(error);
  }
  return result instanceof Promise ? result.then(succeeded, failed) : succeeded(result);
}

/** How far a document, object or call came. */
export interface AuditedEnd {
  readonly keys: readonly KeyFacts[];
  readonly outcome: Outcome;
  readonly startedAtMs: number;
  readonly phase: DataEvent['phase'];
}

/** @throws {KeysideError} AUDIT_UNAVAILABLE */
export function recordData(
  audit: AuditTrail,
  { record, kind, itemId, fields, bytes }: AuditedData,
  { keys, outcome, startedAtMs, phase }: AuditedEnd,
): void {
  const { tenantId } = record;
  // Of a tenant that there is not no key was used, and what strangers invent must not fill the trail.
  if (tenantId === undefined || !record.isOfTenant) return;
  record.isAudited = true;
  const durationMs = performance.now() - startedAtMs;
  audit.record({
    kind,
    tenantId,
    call: record.takeFacts(),
    keys,
    fields,
    bytes,
    method: record.rpc,
    itemId,
    phase,
    outcome,
    durationMs,
  });
}

/**
 * Records a call that uses no document.
 * @throws {KeysideError} AUDIT_UNAVAILABLE
 */
export function recordCall(
  audit: AuditTrail,
  { record, kind }: { readonly record: CallRecord; readonly kind: CallEvent['kind'] },
  { outcome, startedAtMs }: Pick<AuditedEnd, 'outcome' | 'startedAtMs'>,
): void {
  const { tenantId } = record;
  if (audit.mode === 'off' || tenantId === undefined || !record.isOfTenant) return;
  record.isAudited = true;
  const durationMs = performance.now() - startedAtMs;
  audit.record({ kind, tenantId, call: record.takeFacts(), method: record.rpc, outcome, durationMs });
}

/**
 * Records a call that was refused before anything of it was recorded.
 * @throws {KeysideError} AUDIT_UNAVAILABLE
 */
export function recordDenial(
  audit: AuditTrail,
  call: { record: CallRecord; kind: AuditKind; startedAtMs: number; error: unknown },
): void {
  const { record, kind, startedAtMs, error } = call;
  const outcome = outcomeOf(error);
  // Where the daemon did not look at the request there is nothing to say of the tenant's data.
  if (audit.mode === 'off' || record.isAudited || NOT_OF_DATA.has(outcome)) return;
  if (kind === 'key' || kind === 'security') recordCall(audit, { record, kind }, { outcome, startedAtMs });
  else {
    const data = { record, kind, itemId: '', fields: 0, bytes: 0 };
    recordData(audit, data, { keys: NO_KEYS, outcome, startedAtMs, phase: 'whole' });
  }
}

const NOT_OF_DATA: ReadonlySet<Outcome> = new Set(['AUDIT_UNAVAILABLE', 'OVERLOADED', 'DRAINING', 'CALLER_UNAUTHENTICATED']);

/** The keys of a block in the words of the trail. */
export function keyFacts(service: AuditParts['service'], { tenantId }: CallRecord, { wraps, from }: KeyUse): readonly KeyFacts[] {
  const isKnown = tenantId !== undefined && service.tenants.has(tenantId);
  const configured = isKnown ? listKeys(service, tenantId) : [];
  return wraps.map(({ configurationId, keyVersion }) => ({
    keyId: configurationId,
    keyVersion,
    provider: configured.find(({ id }) => id === configurationId)?.provider ?? '',
    from,
  }));
}

/** Resolves when the call's records are as durable as is promised; undefined where there is nothing to wait for. */
export function settledFor(audit: AuditTrail, { isAudited }: CallRecord): Promise<void> | undefined {
  return isAudited ? audit.settled() : undefined;
}

function outcomeOf(error: unknown): Outcome {
  return error instanceof KeysideError ? error.reason : 'INTERNAL';
}
