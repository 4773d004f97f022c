/** The longest time of a timer, in milliseconds; a longer one would be over at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls `work` after `ms` milliseconds, or after the longest time of a timer, 24.8 days. */
export function later(work: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(work, Math.min(ms, LONGEST_MS));
}

/** Waits; ends early where the signal does, and can be ended through `wakers`, which it stands in while it waits. */
export async function pause(ms: number, signal?: AbortSignal, wakers?: Set<() => void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = later(end, ms);
  signal?.addEventListener('abort', end);
  wakers?.add(end);
  if (signal?.aborted) end();
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
  wakers?.delete(end);
}
