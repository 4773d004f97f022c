import type { TenantChanges } from '../tenants/directory.ts';
import type { ConfigurationFault } from './fault.ts';
import type { Patience } from './settling.ts';

/** What the worker that reads tenants files is started with. */
export interface ReloadSettings {
  /** Absolute. */
  readonly path: string;
  /** From one full scan to the next, in milliseconds. */
  readonly rescanIntervalMs: number;
  /** From the first hint of a change to the scan, in milliseconds. */
  readonly debounceMs: number;
  readonly patience: Patience;
  /** After another worker: the main thread serves what that one read, so faults do not end the first scan. */
  readonly isRestart: boolean;
}

/** What one scan came to. */
export interface ScanReport {
  /** Tenants configured now. */
  readonly tenants: number;
  readonly changedTenants: number;
  readonly removedTenants: number;
  readonly files: number;
  readonly parsedFiles: number;
  /** From the scan's start to the last slice's arrival, in milliseconds. */
  readonly durationMs: number;
}

/**
 * From the worker, in the order: for each scan that took something over or whose faults differ from the scan's before, any number of
 * `slice`, where the faults are new ones any number of `faults`, then one `scanned`. Each message but `trouble` waits for the main thread's `TAKEN` before the next one, so
 * that the main thread never has more than one slice of work at a time.
 */
export type WorkerMessage =
  | { readonly kind: 'slice'; readonly changes: TenantChanges }
  | { readonly kind: 'faults'; readonly faults: readonly ConfigurationFault[] }
  | { readonly kind: 'scanned'; readonly report: ScanReport; readonly areFaultsNew: boolean }
  | { readonly kind: 'trouble'; readonly message: string };

/** From the main thread: the last message was dealt with. */
export const TAKEN = 'taken';

/** From the main thread: scan now. */
export const RESCAN = 'rescan';

export type MainMessage = typeof TAKEN | typeof RESCAN;
