import { hash } from 'node:crypto';
import { NO_PREVIOUS, type RecordPlace, type RecordSource } from './record-place.ts';

/** A chain's last record. */
export interface ChainHead {
  /** The tenant's id; empty: the daemon's own chain. */
  readonly chain: string;
  /** Of its last record; 0 where it has none. */
  readonly sequence: number;
  /** SHA-256 of that record's canonical JSON, in base64url. */
  readonly head: string;
}

/** The heads of all chains at one instant, however long it takes to read them. */
export interface HeadSnapshot {
  /** Of the checkpoint that it is for: 1, 2, 3, … */
  readonly checkpoint: number;
  /** Of the last record of any chain before it. */
  readonly sequence: number;
  /** To be read to its end before any of them is settled; then again, settling each as it is read. All chains that have records since the snapshot before, in a constant order; the daemon's own is always among them, and last. */
  readonly heads: Iterable<ChainHead>;
  readonly count: number;
}

interface ChainState {
  readonly chain: string;
  sequence: number;
  head: string;
  /** Which snapshot was the last before its last record. */
  checkpoint: number;
  /** Its head at the snapshot that is open, where records came since. */
  frozen: ChainHead | undefined;
}

/** SHA-256 of a record, as its successor names it. */
export function recordHash(line: string | Uint8Array): string {
  return hash('sha256', line, 'base64url');
}

/**
 * Numbers the records of one start, and chains those of each tenant: a few hundred bytes for each tenant that had a record.
 * Not for records of two starts.
 */
export class Chains {
  readonly source: RecordSource;
  readonly #chains = new Map<string, ChainState>();
  #sequence = 0;
  #checkpoint = 0;
  /** Chains with records that no snapshot has. */
  #moved = new Set<ChainState>();
  #open: Set<ChainState> | undefined;

  constructor(source: RecordSource) {
    this.source = source;
  }

  /**
   * The chains of a former start, to go on with.
   * @param lastLines the last record of each chain
   * @throws {TypeError} where one is not a record
   */
  static resume(source: RecordSource, lastLines: Iterable<Uint8Array>): Chains {
    const chains = new Chains(source);
    for (const line of lastLines) chains.#resume(line);
    return chains;
  }

  /** Of the last record of any chain. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether there are records that no snapshot has. */
  get hasMoved(): boolean {
    return this.#moved.size > 0;
  }

  /**
   * Puts the next record into a chain.
   * @param compose gives its line. Where it throws nothing has happened
   */
  append(
    chain: string,
    timeMs: number,
    compose: (place: RecordPlace) => string,
  ): { readonly sequence: number; readonly line: string } {
    return this.#append(chain, { timeMs, compose, isCheckpoint: false });
  }

  /** As `append`, for the record of a checkpoint: it needs no further checkpoint. */
  appendCheckpoint(
    chain: string,
    timeMs: number,
    compose: (place: RecordPlace) => string,
  ): { readonly sequence: number; readonly line: string } {
    return this.#append(chain, { timeMs, compose, isCheckpoint: true });
  }

  /** Takes the heads of now. Precondition: `release` has been called for the one before. */
  snapshot(): HeadSnapshot {
    if (this.#open !== undefined) throw new Error('a snapshot is open already');
    const moved = this.#moved;
    const own = this.#stateOf('');
    moved.delete(own);
    moved.add(own);
    this.#moved = new Set();
    this.#open = moved;
    this.#checkpoint += 1;
    return {
      checkpoint: this.#checkpoint,
      sequence: this.#sequence,
      count: moved.size,
      heads: { [Symbol.iterator]: () => headsOf(moved) },
    };
  }

  /** Says that a chain has its record of the open snapshot's checkpoint. */
  settle(chain: string): void {
    const state = this.#stateOf(chain);
    state.frozen = undefined;
    this.#open?.delete(state);
  }

  /** Lets go of the snapshot. Chains that were not settled are part of the next one. */
  release(): void {
    for (const state of this.#open ?? []) {
      state.frozen = undefined;
      this.#moved.add(state);
    }
    this.#open = undefined;
  }

  #append(
    chain: string,
    { timeMs, compose, isCheckpoint }: { timeMs: number; compose: (place: RecordPlace) => string; isCheckpoint: boolean },
  ): { readonly sequence: number; readonly line: string } {
    const state = this.#stateOf(chain);
    const sequence = this.#sequence + 1;
    const checkpoint = this.#checkpoint;
    const line = compose({ sequence, timeMs, chainSequence: state.sequence + 1, previous: state.head, checkpoint });
    if (this.#open !== undefined && state.checkpoint < checkpoint && this.#open.has(state)) state.frozen = headOf(state);
    state.sequence += 1;
    state.head = recordHash(line);
    state.checkpoint = checkpoint;
    this.#sequence = sequence;
    if (!isCheckpoint) this.#moved.add(state);
    return { sequence, line };
  }

  #stateOf(chain: string): ChainState {
    const known = this.#chains.get(chain);
    if (known !== undefined) return known;
    const state: ChainState = { chain, sequence: 0, head: NO_PREVIOUS, checkpoint: 0, frozen: undefined };
    this.#chains.set(chain, state);
    return state;
  }

  #resume(line: Uint8Array): void {
    const { metadata, unmapped } = JSON.parse(new TextDecoder().decode(line));
    const { sequence, checkpoint } = unmapped.chain;
    const state = this.#stateOf(metadata.tenant_uid ?? '');
    Object.assign(state, { sequence, head: recordHash(line), checkpoint } satisfies Partial<ChainState>);
    this.#sequence = Math.max(this.#sequence, metadata.sequence);
    this.#checkpoint = Math.max(this.#checkpoint, checkpoint);
    if (unmapped.checkpoint?.leaf?.sequence !== sequence - 1) this.#moved.add(state);
  }
}

function headOf({ chain, sequence, head }: ChainState): ChainHead {
  return { chain, sequence, head };
}

function* headsOf(states: Iterable<ChainState>): Generator<ChainHead, void> {
  for (const state of states) yield state.frozen ?? headOf(state);
}
