import { KeysideError } from '../core/errors.ts';
import type { Outcome } from '../telemetry/telemetry.ts';
import type { KmsOperationEnded, KmsWatch } from './kms-watch.ts';
import type { Timer } from './timer.ts';

/** One use of a key, and what the watch is to know of it. */
interface WatchedUse<Reply> {
  readonly facts: Omit<KmsOperationEnded, 'keyVersion' | 'outcome' | 'durationMs'>;
  readonly timer: Timer;
  run(): Promise<Reply>;
  /** Undefined: there was no reply. */
  keyVersionOf(reply: Reply | undefined): string;
  discard(reply: Reply): void;
}

/**
 * Runs the use, with the watch's leave before it and its word after it. A reply that the watch cannot vouch for is discarded. A failure
 * stays what the KMS said, whether or not the watch could take note of it: a revocation must take effect.
 * @throws {KeysideError} AUDIT_UNAVAILABLE; else what the use throws
 */
export async function watched<Reply>(watch: KmsWatch, use: WatchedUse<Reply>): Promise<Reply> {
  const { facts, timer } = use;
  watch.assertMayAsk();
  const startedMs = timer.nowMs();
  const tell = (outcome: Outcome, reply?: Reply): void =>
    watch.ended({ ...facts, keyVersion: use.keyVersionOf(reply), outcome, durationMs: timer.nowMs() - startedMs });
  let reply: Reply;
  try {
    reply = await use.run();
  } catch (error) {
    attempt(() => tell(error instanceof KeysideError ? error.reason : 'INTERNAL'));
    throw error;
  }
  try {
    tell('OK', reply);
  } catch (error) {
    use.discard(reply);
    throw error;
  }
  return reply;
}

/** What cannot be noted here will be refused at the next call's leave, and where this one's caller is answered. */
function attempt(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    if (!(error instanceof KeysideError)) throw error;
  }
}
