import type { TenantChanges } from '../tenants/directory.ts';
import type { DaemonConfig } from './daemon-config.ts';
import type { ConfigurationFault } from './fault.ts';
import type { Patience } from './settling.ts';

/** How the process that reads configuration keeps tenants files up to date. */
export interface ReloadSettings {
  /** Absolute. */
  readonly path: string;
  /** From one full scan to the next, in milliseconds. */
  readonly rescanIntervalMs: number;
  /** From the first hint of a change to the scan, in milliseconds. */
  readonly debounceMs: number;
  readonly patience: Patience;
  /** After another process: the daemon serves what that one read, so faults do not end the first scan. */
  readonly isRestart: boolean;
  /** Of a process that rested; undefined: nothing is known. */
  readonly memory: Uint8Array | undefined;
  /** It rests only with this many tenants and files at most: beyond, its memory is not worth handing over. */
  readonly mostAtRest: number;
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
 * From the process that reads. For each scan that took something over or whose faults differ from the scan's before: any number of
 * `slice`, where the faults are new ones any number of `faults`, then one `scanned`. Each of these waits for the daemon's `TAKEN` before
 * the next one, so that the daemon never has more than one slice of work at a time. After `resting` comes nothing more.
 */
export type ReaderMessage =
  | { readonly kind: 'configuration'; readonly config: DaemonConfig }
  | { readonly kind: 'misconfigured'; readonly faults: readonly ConfigurationFault[] }
  | { readonly kind: 'slice'; readonly changes: TenantChanges }
  | { readonly kind: 'faults'; readonly faults: readonly ConfigurationFault[] }
  | { readonly kind: 'scanned'; readonly report: ScanReport; readonly areFaultsNew: boolean }
  | { readonly kind: 'trouble'; readonly message: string }
  /** It cannot go on, and ends. */
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'resting';
      readonly memory: Uint8Array;
      /** The files that it knows, and their signatures. */
      readonly signatures: ReadonlyMap<string, string>;
    };

/** To the process that reads: the last message was dealt with. */
export const TAKEN = 'taken';

/** To the process that reads: scan now. */
export const RESCAN = 'rescan';

export type ToReader =
  | typeof TAKEN
  | typeof RESCAN
  /** Read the daemon's configuration file. `minted`: the callers that the command line adds, each as one JSON text. */
  | { readonly kind: 'read'; readonly file: string; readonly minted: readonly string[] }
  | { readonly kind: 'watch'; readonly settings: ReloadSettings };

/**
 * A process of its own that reads and checks configuration: what that takes in code and memory is given back when it ends, and no
 * number of tenants holds up the requests of the daemon.
 */
export interface Reader {
  send(message: ToReader): void;
  /** Replaces the listeners there were. `onEnd` is called once, unless `end` was. */
  listen(listeners: ReaderListeners): void;
  end(): Promise<void>;
}

export interface ReaderListeners {
  onMessage(message: ReaderMessage): void;
  onEnd(cause: Error | undefined): void;
}
