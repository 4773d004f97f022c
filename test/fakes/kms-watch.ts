import { KeysideError } from '../../src/core/errors.ts';
import type { KmsOperationEnded, KmsWatch } from '../../src/kms/kms-watch.ts';

/** Keeps what it was told; forbids or fails where a test says so. */
export class FakeKmsWatch implements KmsWatch {
  readonly events: KmsOperationEnded[] = [];
  /** How often its leave was asked for. */
  asked = 0;
  forbids = false;
  failsToNote = false;

  assertMayAsk(): void {
    this.asked += 1;
    if (this.forbids) throw unavailable();
  }

  ended(event: KmsOperationEnded): void {
    if (this.failsToNote) throw unavailable();
    this.events.push(event);
  }
}

function unavailable(): KeysideError {
  return new KeysideError('AUDIT_UNAVAILABLE', 'the audit spool is full');
}
