import type { AuditEvent } from './event.ts';

/** `required`: an answer waits until its records are durable. `async`: they become durable within a bounded time. `off`: none are kept. */
export type AuditMode = 'required' | 'async' | 'off';

/** What the floors above record through. */
export interface AuditTrail {
  readonly mode: AuditMode;

  /**
   * To be asked before an operation starts: an operation whose record could not be kept must not take place.
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  assertAvailable(): void;

  /**
   * Numbers and chains the event and puts it in the order of the spool.
   * @returns the record's id; empty where none is kept
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  record(event: AuditEvent): string;

  /**
   * Resolves when everything recorded so far is as durable as the mode promises; undefined where there is nothing to wait for.
   * Rejects with a KeysideError AUDIT_UNAVAILABLE where it could not be made durable: no answer may leave then.
   */
  settled(): Promise<void> | undefined;
}

/** The trail of `audit.mode: off`. */
export const NO_AUDIT: AuditTrail = {
  mode: 'off',
  assertAvailable: () => undefined,
  record: () => '',
  settled: () => undefined,
};
