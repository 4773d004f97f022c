import type { AuditEvent } from '../../src/audit/event.ts';
import type { AuditTrail } from '../../src/audit/trail.ts';
import { KeysideError } from '../../src/core/errors.ts';

/** A trail in memory that tests look into, hold back and break. */
export class RecordedTrail implements AuditTrail {
  readonly mode = 'required';
  readonly events: AuditEvent[] = [];
  /** Where set, nothing is durable until it resolves, or rejects. */
  hold: Promise<void> | undefined;
  /** Takes no records from now on. */
  isBroken = false;
  /** Takes so many records more, then none: as a disk that fails in the middle of a call. */
  breaksAfter = Number.POSITIVE_INFINITY;

  assertAvailable(): void {
    if (this.isBroken) throw broken();
  }

  record(event: AuditEvent): string {
    this.assertAvailable();
    if (this.breaksAfter === 0) throw broken();
    this.breaksAfter -= 1;
    this.events.push(event);
    return `start-${this.events.length}`;
  }

  settled(): Promise<void> | undefined {
    return this.hold;
  }
}

export function broken(): KeysideError {
  return new KeysideError('AUDIT_UNAVAILABLE', 'the audit trail cannot be written: EIO');
}
