import { NO_PREVIOUS } from './record-place.ts';
import type { CheckpointCheck, SeenHead } from './verify-checkpoint.ts';
import { type Place, placeText } from './verify-input.ts';
import type { CheckpointClaim, RecordFacts } from './verify-record.ts';

/** What is wrong, and where. */
export interface Fault {
  readonly place: Place;
  /** The chain's tenant, empty for the daemon's own chain; undefined: of no chain. */
  readonly tenantId?: string;
  readonly start?: string;
  /** Of the chain, where one is concerned. */
  readonly record?: number;
  /** A sentence without its subject, the place. */
  readonly what: string;
}

/** Up to where a chain is proven. */
export interface Proven {
  /** Of the chain's last record that it covers. */
  readonly sequence: number;
  readonly checkpoint: number;
  /** When that checkpoint's heads were taken, in milliseconds since the epoch. */
  readonly timeMs: number;
}

/** The head when the heads of checkpoints `from` to `to` were taken. */
interface Snapshot extends SeenHead {
  readonly from: number;
  readonly to: number;
  /** How many records that are no checkpoints there were. */
  readonly events: number;
  /** Of the sidecar: the records before and after it. */
  readonly before: number;
  readonly after: number;
}

/** A stretch of records that were there already. */
interface Repetition {
  readonly first: number;
  readonly place: Place;
  next: number;
  hash: string;
}

/** Records that were read last, by start and number: what a repeated one is compared with. */
export interface RecentHashes {
  get(record: RecordFacts): string | undefined;
}

export interface ChainOptions {
  /** The records before the first that is there may be missing. */
  readonly isPartial: boolean;
  readonly checkpoints: CheckpointCheck;
  readonly recent: RecentHashes;
}

/** More checkpoints than this that were begun and not completed are not looked back for. */
const MAX_SNAPSHOTS = 64;

/** What became of a record: a new one of the chain, or one that was there before. */
export type Taken = 'new' | 'repeated';

/** Follows one chain through its records, in constant memory. */
export class ChainCheck {
  readonly tenantId: string;
  readonly start: string;
  readonly sidecar: string;
  readonly #options: ChainOptions;
  /** Of the first record that is there. */
  readonly first: number;
  readonly #firstPrevious: string;
  #last: number;
  #hash: string;
  #place: Place | undefined;
  #sidecarSequence = 0;
  #checkpoint: number;
  #lastCompleted = 0;
  #events = 0;
  #checkpoints = 0;
  #repeated = 0;
  #provenEvents = 0;
  #proven: Proven | undefined;
  #isBroken = false;
  #snapshots: Snapshot[] = [];
  #repetition: Repetition | undefined;

  constructor(record: RecordFacts, options: ChainOptions) {
    this.tenantId = record.tenantId;
    this.start = record.start;
    this.sidecar = record.sidecar;
    this.#options = options;
    this.first = record.chainSequence;
    this.#firstPrevious = record.previous;
    this.#last = record.chainSequence - 1;
    this.#hash = this.first === 1 ? NO_PREVIOUS : record.previous;
    // Which snapshots were taken between a record that is missing and the first one cannot be known.
    this.#checkpoint = this.first === 1 ? 0 : record.checkpoint;
  }

  get last(): number {
    return this.#last;
  }

  /** Records that are no checkpoints. */
  get events(): number {
    return this.#events;
  }

  get checkpoints(): number {
    return this.#checkpoints;
  }

  get repeated(): number {
    return this.#repeated;
  }

  get proven(): Proven | undefined {
    return this.#proven;
  }

  /** Whether it had a fault: what comes after that is counted, and proves nothing. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Records, other than checkpoints, that no checkpoint covers. */
  get unproven(): number {
    return this.#events - this.#provenEvents;
  }

  /** Reports the first fault of the record, if there is one. */
  take(record: RecordFacts, place: Place, report: (fault: Fault) => void): Taken {
    if (record.chainSequence <= this.#last) {
      this.#repeat(record, place, report);
      return 'repeated';
    }
    this.end(report);
    const fault = this.#orderFault(record, place) ?? this.#claimFault(record, place);
    if (fault !== undefined) {
      this.#break();
      report(fault);
    }
    this.#advance(record, place);
    return 'new';
  }

  /** To be called after the last record: reports a repetition that could not be compared. */
  end(report: (fault: Fault) => void): void {
    const open = this.#repetition;
    this.#repetition = undefined;
    if (open === undefined) return;
    const records = open.first === open.next - 1 ? `record ${open.first}` : `records ${open.first} to ${open.next - 1}`;
    report({
      ...this.#of(open.first),
      place: open.place,
      what: `is ${records} again, too far back to be compared with what was there`,
    });
  }

  #orderFault(record: RecordFacts, place: Place): Fault | undefined {
    const { chainSequence, previous, checkpoint, sidecar } = record;
    const expected = this.#last + 1;
    const here = { ...this.#of(chainSequence), place };
    if (this.#place === undefined && chainSequence > 1 && !this.#options.isPartial) {
      return { ...here, what: `begins the chain: ${range(1, chainSequence - 1)} not in these files` };
    }
    if (chainSequence > expected)
      return { ...here, what: `follows a gap: ${range(expected, chainSequence - 1)} not in these files, or out of order` };
    if (sidecar !== this.sidecar)
      return { ...here, what: `is of sidecar ${sidecar}, the records before it are of ${this.sidecar}` };
    if (previous !== this.#hash) return this.#linkFault(record, place);
    if (checkpoint < this.#checkpoint)
      return { ...here, what: `follows checkpoint ${checkpoint}, the record before it ${this.#checkpoint}` };
    return undefined;
  }

  #linkFault({ chainSequence, start }: RecordFacts, place: Place): Fault {
    const before = this.#place;
    if (before === undefined)
      return { ...this.#of(chainSequence), place, what: 'is the first of its chain and names another before it' };
    return {
      tenantId: this.tenantId,
      start,
      record: this.#last,
      place: before,
      what:
        `is not what the record after it was chained to: it or that one (record ${chainSequence}, ${placeText(place)}) ` +
        'was altered, or belongs elsewhere',
    };
  }

  /** Also notes the head when it is the first record after a snapshot. */
  #claimFault(record: RecordFacts, place: Place): Fault | undefined {
    this.#noteSnapshot(record);
    const { claim } = record;
    if (claim === undefined || this.#isBroken) return undefined;
    const what = this.#claimWhat(record, claim);
    return what === undefined ? undefined : { ...this.#of(record.chainSequence), place, what };
  }

  #claimWhat(record: RecordFacts, claim: CheckpointClaim): string | undefined {
    const { statement, leaf } = claim;
    const { checkpoint } = statement;
    if (statement.start !== this.start || statement.sidecar !== this.sidecar)
      return `is a checkpoint of start ${statement.start}`;
    if (checkpoint !== record.checkpoint) return `is checkpoint ${checkpoint} where ${record.checkpoint} was under way`;
    if (checkpoint <= this.#lastCompleted) return `is checkpoint ${checkpoint} once more`;
    const snapshot = this.#snapshots.find(({ from, to }) => from <= checkpoint && checkpoint <= to);
    const seen = snapshot ?? this.#beforeFirst(leaf.sequence);
    if (seen === undefined) {
      // Precondition of a partial view: it may cover none of the records that are there.
      if (leaf.sequence < this.first) return undefined;
      return `is a checkpoint over ${leaf.sequence} records, before which none was begun`;
    }
    if (snapshot !== undefined && !(snapshot.before <= statement.sequence && statement.sequence < snapshot.after)) {
      return `is a checkpoint after record ${statement.sequence} of the sidecar, which was not the last before it`;
    }
    const what = this.#options.checkpoints.fault(record, claim, seen);
    if (what === undefined) this.#prove(claim, snapshot?.events ?? 0);
    return what;
  }

  /** The head before the first record that is there. */
  #beforeFirst(sequence: number): SeenHead | undefined {
    return sequence === this.first - 1 && this.first > 1 ? { sequence, head: this.#firstPrevious } : undefined;
  }

  #prove({ statement, leaf }: CheckpointClaim, events: number): void {
    this.#lastCompleted = statement.checkpoint;
    this.#proven = { sequence: leaf.sequence, checkpoint: statement.checkpoint, timeMs: statement.time };
    this.#provenEvents = events;
    this.#snapshots = this.#snapshots.filter(({ to }) => to > statement.checkpoint);
  }

  #noteSnapshot({ checkpoint, sequence }: RecordFacts): void {
    if (checkpoint <= this.#checkpoint) return;
    this.#snapshots.push({
      from: this.#checkpoint + 1,
      to: checkpoint,
      sequence: this.#last,
      head: this.#hash,
      events: this.#events,
      before: this.#sidecarSequence,
      after: sequence,
    });
    if (this.#snapshots.length > MAX_SNAPSHOTS) this.#snapshots.shift();
  }

  #advance(record: RecordFacts, place: Place): void {
    this.#last = record.chainSequence;
    this.#hash = record.hash;
    this.#place = place;
    this.#sidecarSequence = record.sequence;
    this.#checkpoint = Math.max(this.#checkpoint, record.checkpoint);
    if (record.claim === undefined) this.#events += 1;
    else this.#checkpoints += 1;
  }

  /** Nothing after a fault is proven by a later checkpoint. */
  #break(): void {
    this.#isBroken = true;
    this.#snapshots = [];
  }

  /** A record with a number that was there: the same one again, as it is delivered at least once, or another in its place. */
  #repeat(record: RecordFacts, place: Place, report: (fault: Fault) => void): void {
    this.#repeated += 1;
    const { chainSequence: number, previous, hash } = record;
    if (number < this.first) {
      this.#break();
      report({ ...this.#of(number), place, what: `is record ${number} after record ${this.first} and later ones: out of order` });
      return;
    }
    const known = number === this.#last ? this.#hash : this.#options.recent.get(record);
    if (known !== undefined && known !== hash) {
      this.#repetition = undefined;
      this.#break();
      report({ ...this.#of(number), place, what: `is another record ${number} than the one before it in these files` });
      return;
    }
    const open = this.#repetition;
    if (open !== undefined && open.next === number && open.hash === previous) {
      open.next = number + 1;
      open.hash = hash;
    } else {
      this.end(report);
      this.#repetition = { first: number, place, next: number + 1, hash };
    }
    // One that is known to be the same proves those that it is chained to.
    if (known === hash) this.#repetition = undefined;
  }

  #of(record: number): { readonly tenantId: string; readonly start: string; readonly record: number } {
    return { tenantId: this.tenantId, start: this.start, record };
  }
}

function range(from: number, to: number): string {
  return from === to ? `record ${from} is` : `records ${from} to ${to} are`;
}
