/** The time limit is told in so many rounds: a member is late by one of them at most. */
const ROUNDS = 8;

/** The place of what is no member. */
export const NO_PLACE = -1;

/** Something that may not stay as it is for longer than the time limit. */
export interface Timed {
  /** Kept by `Rounds`: the round in which the time is over; Infinity: never. */
  dueRound: number;
  /** Kept by `Rounds`; `NO_PLACE` at first. */
  place: number;
  /** The time is over. */
  onDue(): void;
}

/**
 * One time limit for many members, looked after in rounds by one timer: a timer for each would cost more than all else that happens to
 * a small call at the gate. While there are no members there is no timer.
 *
 * Members stand in one list that never becomes shorter. A `Set` that grows and shrinks with the calls leaves its former tables behind,
 * each with a reference to the next: to V8's young collections all of them, and every call in them, are alive.
 */
export class Rounds {
  readonly #members: (Timed | undefined)[] = [];
  #count = 0;
  readonly #roundMs: number;
  #round = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#roundMs = limitMs / ROUNDS;
  }

  /** Begins the member's time, again where it had begun. */
  begin(member: Timed): void {
    member.dueRound = this.#round + ROUNDS + 1;
    if (member.place === NO_PLACE) {
      member.place = this.#count;
      this.#members[this.#count] = member;
      this.#count += 1;
    }
    this.#timer ??= setInterval(() => this.#pass(), this.#roundMs).unref();
  }

  end(member: Timed): void {
    member.dueRound = Number.POSITIVE_INFINITY;
    if (member.place === NO_PLACE) return;
    this.#count -= 1;
    const last = this.#members[this.#count] as Timed;
    this.#members[member.place] = last;
    last.place = member.place;
    member.place = NO_PLACE;
    this.#members[this.#count] = undefined;
  }

  /** From the last to the first: whoever takes the place of one that ends has been looked at. */
  #pass(): void {
    this.#round += 1;
    for (let at = this.#count - 1; at >= 0; at -= 1) {
      const member = this.#members[at];
      if (member === undefined || member.dueRound > this.#round) continue;
      member.dueRound = Number.POSITIVE_INFINITY;
      member.onDue();
    }
    if (this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
