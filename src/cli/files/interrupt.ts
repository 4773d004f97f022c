import { KeysideError } from '../../core/errors.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Runs `work` with a signal that is aborted when the person stops the command: the first time the work can clean up, the second time
 * the process ends at once.
 * @throws {KeysideError} CANCELLED in place of whatever the work ended in, where it was stopped
 */
export async function interruptible<T>({ onInterrupt }: Terminal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const forget = onInterrupt?.(() => controller.abort());
  try {
    return await work(controller.signal);
  } catch (cause) {
    if (!controller.signal.aborted) throw cause;
    throw new KeysideError('CANCELLED', 'stopped before the end: there is no output', { cause });
  } finally {
    forget?.();
  }
}
