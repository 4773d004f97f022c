/** How patient a reader is with files that are being changed, in milliseconds. */
export interface Patience {
  /** A changed file is read once it has stayed the same for this long. */
  readonly quietMs: number;
  /** A file that is missing is taken for removed once it has been missing for this long. */
  readonly removalGraceMs: number;
  /** Nothing waits longer than this for a file that keeps changing. */
  readonly longestWaitMs: number;
}

/** Files and their signatures; undefined: missing. */
export type Signatures = ReadonlyMap<string, string | undefined>;

interface Waiting {
  readonly signature: string | undefined;
  /** Since when the signature is this one. */
  readonly sinceMs: number;
  /** Since when the file is not what it was. */
  readonly firstMs: number;
}

/** Holds back differences until they have lasted: a file half written, or missing between two steps of an editor, is not believed. */
export class Settling {
  readonly #patience: Patience;
  readonly #waiting = new Map<string, Waiting>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Nothing is held back. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Notes the differences that stand now (those not named have gone away) and returns the files whose difference has lasted. */
  settled(differences: Signatures, nowMs: number): string[] {
    for (const file of this.#waiting.keys()) {
      if (!differences.has(file)) this.#waiting.delete(file);
    }
    const settled: string[] = [];
    for (const [file, signature] of differences) {
      const known = this.#waiting.get(file);
      const isSame = known !== undefined && known.signature === signature;
      const waiting = isSame ? known : { signature, sinceMs: nowMs, firstMs: known?.firstMs ?? nowMs };
      this.#waiting.set(file, waiting);
      if (this.#hasLasted(waiting, nowMs)) settled.push(file);
    }
    return settled;
  }

  /** For a file whose difference was taken over. */
  forget(file: string): void {
    this.#waiting.delete(file);
  }

  /** About the files whose difference has not lasted: `restless` where each has been changing for longer than is worth a wait. */
  restOf(nowMs: number): 'none' | 'worth-waiting' | 'restless' {
    const unsettled = [...this.#waiting.values()].filter((waiting) => !this.#hasLasted(waiting, nowMs));
    if (unsettled.length === 0) return 'none';
    return unsettled.some(({ firstMs }) => nowMs - firstMs < this.#patience.longestWaitMs) ? 'worth-waiting' : 'restless';
  }

  /** For a file that changed again while it was read. Returns how long that has been going on. */
  startAgain(file: string, nowMs: number): number {
    const firstMs = this.#waiting.get(file)?.firstMs ?? nowMs;
    this.#waiting.set(file, { signature: 'changing', sinceMs: nowMs, firstMs });
    return nowMs - firstMs;
  }

  #hasLasted(waiting: Waiting, nowMs: number): boolean {
    const { quietMs, removalGraceMs } = this.#patience;
    return nowMs - waiting.sinceMs >= (waiting.signature === undefined ? removalGraceMs : quietMs);
  }
}
