/** A place in the spool: what lies before `offset` of `segment`, and all earlier segments. */
export interface SpoolPosition {
  readonly segment: number;
  readonly offset: number;
}

const DURABLE = 0;
const NEEDED = 1;
const OFFSET_BITS = 32n;
const OFFSET_MASK = 0xffff_ffffn;

/** No segment is needed by anybody. */
export const NOTHING_NEEDED = Number.MAX_SAFE_INTEGER;

/**
 * What the spool and the courier tell each other, in memory that both threads see: up to where records are durable, hence may be
 * delivered, and the first segment that somebody still has to be given.
 */
export class SpoolProgress {
  readonly memory: SharedArrayBuffer;
  readonly #slots: BigInt64Array<SharedArrayBuffer>;

  /** @param memory that of another thread's; left out, memory of its own */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
    this.#slots = new BigInt64Array(this.memory);
    if (memory === undefined) this.needed = NOTHING_NEEDED;
  }

  get durable(): SpoolPosition {
    const packed = Atomics.load(this.#slots, DURABLE);
    return { segment: Number(packed >> OFFSET_BITS), offset: Number(packed & OFFSET_MASK) };
  }

  set durable({ segment, offset }: SpoolPosition) {
    Atomics.store(this.#slots, DURABLE, (BigInt(segment) << OFFSET_BITS) | BigInt(offset));
    Atomics.notify(this.#slots, DURABLE);
  }

  /** The number of the first segment that is still to be delivered to a sink; NOTHING_NEEDED where all of them have been. */
  get needed(): number {
    return Number(Atomics.load(this.#slots, NEEDED));
  }

  set needed(segment: number) {
    Atomics.store(this.#slots, NEEDED, BigInt(segment));
  }

  /** Lets whoever waits for more look again. */
  wake(): void {
    Atomics.notify(this.#slots, DURABLE);
  }

  /** Resolves when more than `known` is durable, after `timeoutMs`, or when woken. */
  async moreThan(known: SpoolPosition, timeoutMs: number): Promise<void> {
    const packed = (BigInt(known.segment) << OFFSET_BITS) | BigInt(known.offset);
    const waited = Atomics.waitAsync(this.#slots, DURABLE, packed, timeoutMs);
    if (waited.async) await waited.value;
  }
}
