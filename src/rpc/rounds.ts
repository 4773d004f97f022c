/** The time limit is told in so many rounds: a member is late by one of them at most. */
const ROUNDS = 8;

/** Something that may not stay as it is for longer than the time limit. */
export interface Timed {
  /** Kept by `Rounds`: the round in which the time is over; Infinity: never. */
  dueRound: number;
  /** The time is over. */
  onDue(): void;
}

/**
 * One time limit for many members, looked after in rounds by one timer: a timer for each would cost more than all else that happens to
 * a small call at the gate. While there are no members there is no timer.
 */
export class Rounds {
  readonly #members = new Set<Timed>();
  readonly #roundMs: number;
  #round = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#roundMs = limitMs / ROUNDS;
  }

  /** Begins the member's time, again where it had begun. */
  begin(member: Timed): void {
    member.dueRound = this.#round + ROUNDS + 1;
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#pass(), this.#roundMs).unref();
  }

  end(member: Timed): void {
    member.dueRound = Number.POSITIVE_INFINITY;
    this.#members.delete(member);
  }

  #pass(): void {
    this.#round += 1;
    for (const member of this.#members) {
      if (member.dueRound > this.#round) continue;
      member.dueRound = Number.POSITIVE_INFINITY;
      member.onDue();
    }
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
