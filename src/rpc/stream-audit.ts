import type { DataEvent, KeyFacts } from '../audit/event.ts';
import { KeysideError } from '../core/errors.ts';
import type { KeyUse } from '../service/service.ts';
import { type AuditParts, keyFacts, recordData } from './call-audit.ts';
import type { CallRecord } from './call-record.ts';

/**
 * The two records of a stream: one before the first byte of the object leaves, one when it has ended, before the caller learns that. A
 * stream that is cut off by the daemon's end has the first alone.
 */
export class StreamAudit {
  readonly #parts: AuditParts;
  readonly #record: CallRecord;
  readonly #kind: DataEvent['kind'];
  readonly #startedAtMs = performance.now();
  #keys: readonly KeyFacts[] = [];

  constructor(parts: AuditParts, record: CallRecord, kind: DataEvent['kind']) {
    this.#parts = parts;
    this.#record = record;
    this.#kind = kind;
  }

  /**
   * Opens the object; resolves when that is on record. A refusal is left to the call's own record.
   * @throws {KeysideError} AUDIT_UNAVAILABLE, and what opening throws
   */
  async opening<R extends { readonly keyUse: KeyUse }>(open: () => Promise<R>): Promise<R> {
    const { audit, service } = this.#parts;
    if (audit.mode === 'off') return await open();
    audit.assertAvailable();
    const opened = await open();
    this.#keys = keyFacts(service, this.#record, opened.keyUse);
    this.#write('opened', 'OK', 0);
    await audit.settled();
    return opened;
  }

  /**
   * Resolves when the end is on record.
   * @param bytes that the caller sent
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  async ended(bytes: number): Promise<void> {
    if (this.#parts.audit.mode === 'off') return;
    this.#write('ended', 'OK', bytes);
    await this.#parts.audit.settled();
  }

  /**
   * Puts a failure on record; the call waits for it before it is answered.
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  failed(error: unknown, bytes: number): void {
    if (this.#parts.audit.mode === 'off') return;
    this.#write('ended', error instanceof KeysideError ? error.reason : 'INTERNAL', bytes);
  }

  #write(phase: 'opened' | 'ended', outcome: DataEvent['outcome'], bytes: number): void {
    const data = { record: this.#record, kind: this.#kind, itemId: '', fields: 0, bytes };
    recordData(this.#parts.audit, data, { keys: this.#keys, outcome, startedAtMs: this.#startedAtMs, phase });
  }
}
