import { setTimeout as pause } from 'node:timers/promises';

/** Waits until something holds, for so long at most; whether it does. */
export async function until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > endsAt) return false;
    await pause(20);
  }
  return true;
}
