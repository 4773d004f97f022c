import { Buffer } from 'node:buffer';
import { isSecurityEventName } from '../audit/security-events.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { KeysideError } from '../core/errors.ts';
import type { LogSecurityEventRequest, LogSecurityEventResponse } from '../gen/keyside/v1/audit.ts';
import type { AuditParts } from './call-audit.ts';
import type { UnaryMethod } from './unary.ts';

const MAX_USER_BYTES = 1_024;
const MAX_MESSAGE_BYTES = 4_096;

/** Records an event of the application's own; answered as every call is, when its record is durable. */
export function logSecurityEventMethod({
  audit,
  service,
}: AuditParts): UnaryMethod<LogSecurityEventRequest, LogSecurityEventResponse> {
  return {
    name: 'keyside.v1.AuditService/LogSecurityEvent',
    operation: 'log-event',
    auditKind: 'security',
    outcomeShowsKey: false,
    handle: (request, call) => {
      const { tenantId, record } = call;
      const { event: name, occurredAt, targetUserId, message } = request;
      check(request);
      service.tenants.get(tenantId);
      assertKept(audit);
      const occurredAtMs = occurredAt?.getTime() ?? Date.now();
      record.isAudited = true;
      call.note({ event: name });
      return {
        recordId: audit.record({
          kind: 'security',
          tenantId,
          call: record.takeFacts(),
          name,
          occurredAtMs,
          targetUserId,
          message,
        }),
      };
    },
  };
}

/** @throws {KeysideError} REQUEST_INVALID, naming the field */
function check({ event, occurredAt, targetUserId, message }: LogSecurityEventRequest): void {
  if (!isSecurityEventName(event)) {
    throw invalid('event', 'event is no name of the documentation, nor CUSTOM_ and capital letters, digits and underscores');
  }
  if (occurredAt !== undefined && !isSafeTime(occurredAt.getTime())) throw invalid('occurred_at', 'occurred_at is no time');
  if (Buffer.byteLength(targetUserId) > MAX_USER_BYTES)
    throw invalid('target_user_id', `target_user_id exceeds ${MAX_USER_BYTES} bytes`);
  if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES) throw invalid('message', `message exceeds ${MAX_MESSAGE_BYTES} bytes`);
}

function isSafeTime(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0;
}

function invalid(field: string, message: string): KeysideError {
  return new KeysideError('REQUEST_INVALID', message, { details: { field } });
}

/** @throws {KeysideError} AUDIT_UNAVAILABLE */
function assertKept(audit: AuditTrail): void {
  if (audit.mode === 'off') throw new KeysideError('AUDIT_UNAVAILABLE', 'audit.mode is off: events are not kept');
  audit.assertAvailable();
}
