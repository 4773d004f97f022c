/** Where a record stands: in the order of its sidecar, and in the chain of its tenant. */
export interface RecordPlace {
  /** Of the sidecar's start: 1, 2, 3, … over all chains. */
  readonly sequence: number;
  /** When it was recorded, in milliseconds since the epoch. */
  readonly timeMs: number;
  /** Of its chain: 1, 2, 3, … */
  readonly chainSequence: number;
  /** SHA-256 of the record before it in its chain as canonical JSON, in base64url; `NO_PREVIOUS` where it is the first. */
  readonly previous: string;
  /** The number of the last checkpoint whose heads were taken before this record; 0: of none. */
  readonly checkpoint: number;
}

/** Whose records these are: constant for a run of the daemon. */
export interface RecordSource {
  /** Stable over starts. Letters, digits, `-` and `_`. */
  readonly sidecar: string;
  /** Unique to one start. Letters, digits, `-` and `_`. */
  readonly start: string;
  /** Of the daemon, as in package.json. */
  readonly version: string;
}

/** What stands for the hash before a chain's first record: 32 zero bytes. */
export const NO_PREVIOUS = 'A'.repeat(43);
