/** The first of the checkpoints of which chains are missing. */
export interface Lacking {
  readonly checkpoint: number;
  /** How many chains it is over. */
  readonly chains: number;
  /** How many of them have its proof. */
  readonly seen: number;
  /** How many later ones lack chains too. */
  readonly others: number;
}

const PAGE = 256;
/** Columns of a page: chains that it is over, chains that have its proof, and once the daemon's own has: `sequence` of what was signed, and 1. */
const [CHAINS, SEEN, ENDED, COLUMNS] = [0, 1, 2, 3] as const;

/**
 * Of the checkpoints of one start: how many chains each is over, and how many have its proof. No chain is counted twice where each
 * chain is asked to prove each checkpoint once: a place in the tree is one chain's. 24 bytes for each checkpoint.
 */
export class CheckpointCounts {
  readonly #pages = new Map<number, Float64Array>();

  /** How many chains were said to be in it; undefined where no chain had it yet. */
  chainsOf(checkpoint: number): number | undefined {
    const page = this.#pages.get(Math.floor(checkpoint / PAGE));
    return page?.[(checkpoint % PAGE) * COLUMNS + CHAINS] || undefined;
  }

  /** Precondition: the chain's proof is sound, and was not added before. */
  add({ checkpoint, chains, sequence }: { checkpoint: number; chains: number; sequence: number }, isOwnChain: boolean): void {
    const key = Math.floor(checkpoint / PAGE);
    const page = this.#pages.get(key) ?? new Float64Array(PAGE * COLUMNS);
    this.#pages.set(key, page);
    const at = (checkpoint % PAGE) * COLUMNS;
    page[at + CHAINS] = chains;
    page[at + SEEN] = (page[at + SEEN] as number) + 1;
    if (isOwnChain) page[at + ENDED] = sequence + 1;
  }

  /**
   * Whether checkpoints have fewer chains than they are over. The daemon's own chain is the last to get the proof: a checkpoint that it
   * lacks was not completed, and is none of them.
   * @param after those whose heads were taken with this record of the sidecar, or after it
   */
  lacking(after: number): Lacking | undefined {
    let first: Lacking | undefined;
    let others = -1;
    for (const key of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(key) as Float64Array;
      for (let at = 0; at < page.length; at += COLUMNS) {
        const [chains = 0, seen = 0, ended = 0] = page.subarray(at, at + COLUMNS);
        if (ended <= after || seen >= chains) continue;
        first ??= { checkpoint: key * PAGE + at / COLUMNS, chains, seen, others };
        others += 1;
      }
    }
    return first && { ...first, others };
  }
}
