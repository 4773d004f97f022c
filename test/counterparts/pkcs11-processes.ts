import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { KeysideError } from '../../src/core/errors.ts';

/** The processes that hold modules and were started by this one (Linux). */
export function modulePids(): readonly number[] {
  return readdirSync('/proc/self/task')
    .flatMap((thread) => childrenOf(thread))
    .filter((pid) => commandOf(pid).includes('pkcs11/child'));
}

/** Waits until the processes of earlier tests have taken their leave. */
export async function untilNoModules(): Promise<void> {
  while (modulePids().length > 0) await setTimeout(5);
}

export function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

export function environmentOf(pid: number): string {
  return read(`/proc/${pid}/environ`);
}

/** Resident memory in MB. */
export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1_024;
}

function childrenOf(thread: string): readonly number[] {
  return read(`/proc/self/task/${thread}/children`).split(' ').filter(Boolean).map(Number);
}

/** Empty where the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export interface Load {
  readonly succeeded: number;
  /** How often each reason ended a call. */
  readonly failed: Readonly<Record<string, number>>;
  readonly longestMs: number;
  /** The event loop of this process, at most. */
  readonly loopDelayMs: number;
}

/** Calls in so many strands for so long, whatever becomes of them; `meanwhile` does the damage. */
export async function underLoad(
  call: () => Promise<void>,
  { strands, ms, meanwhile }: { readonly strands: number; readonly ms: number; readonly meanwhile: () => Promise<void> },
): Promise<Load> {
  const failed: Record<string, number> = {};
  let [succeeded, longestMs] = [0, 0];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const endMs = performance.now() + ms;
  const strand = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      await call().then(
        () => {
          succeeded += 1;
        },
        (error: unknown) => {
          const reason = error instanceof KeysideError ? error.reason : String(error);
          failed[reason] = (failed[reason] ?? 0) + 1;
        },
      );
      longestMs = Math.max(longestMs, performance.now() - startMs);
      await setImmediate(); // what fails at once must not look like a loop that is blocked
    }
  };
  await Promise.all([meanwhile(), ...Array.from({ length: strands }, strand)]);
  delay.disable();
  return { succeeded, failed, longestMs: Math.round(longestMs), loopDelayMs: Math.round(delay.max / 1e6) };
}
