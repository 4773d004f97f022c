import { availableParallelism } from 'node:os';
import type { Cipher } from './cipher.ts';

/** From here on a value's sealing is worth handing over, in bytes: below, that costs this thread about what sealing costs it. */
const LEAST_BYTES = 2 ** 20;
/** With fewer cores a worker only takes time from the thread it is to relieve. */
const LEAST_CORES = 3;
/** One worker seals several times what this thread can receive and send; a second one is for two large values at once. */
const MOST_WORKERS = 2;

/** One value to seal or open on another thread. */
export interface BulkJob {
  readonly work: 'seal' | 'open';
  /** 32 bytes. Copied at once: the source stays the caller's to zero. */
  readonly key: Uint8Array;
  /** 12 bytes; to seal, never used before with this key. */
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** Plaintext, or ciphertext || tag. Read when a worker is free: it must not change before the end. */
  readonly input: Uint8Array;
  /** So many bytes are left before the output, zero, for the caller to fill. */
  readonly headroom: number;
}

/** AES-256-GCM for large values, beside the thread that serves calls. The bytes are those of `Cipher`. */
export interface BulkCipher {
  /**
   * Whether a value of so many bytes belongs here now. Where it does not, or no worker has room, the caller does the work itself: that
   * is slower for others, but refusing it would save no more than it costs, and admission has bounded how much there can be.
   */
  takes(bytes: number): boolean;

  /**
   * Headroom and ciphertext || tag, or headroom and plaintext, in memory of its own; undefined where the tag does not match.
   * Precondition: sizes are as `Cipher` wants them, and `takes` was true just now (Error).
   * @throws {KeysideError} INTERNAL where the worker ended, DRAINING where the pool was closed; else what the signal was aborted with,
   * at once: a result that comes later is zeroed. No other job is concerned.
   */
  run(job: BulkJob, signal: AbortSignal): Promise<Uint8Array | undefined>;

  /** Ends the workers and zeroes what they held. Jobs that are left fail. */
  close(): Promise<void>;
}

/**
 * How many workers there are to be: none where the cores are few, and none beside the native cipher, which seals a value in the time
 * that it takes to hand it over (docs/decisions/0006-workers-for-large-values.md). Cores follow the processor limit of a container.
 */
export function bulkWorkers(cipher: Cipher['name'], cores: number = availableParallelism()): number {
  return cipher === 'native' || cores < LEAST_CORES ? 0 : Math.min(cores - 1, MOST_WORKERS);
}

export function isBulk(bytes: number): boolean {
  return bytes >= LEAST_BYTES;
}
