import type { FileLayer } from './file-layer.ts';
import { listSegments, type Segment, segmentPath } from './segments.ts';
import type { SpoolPosition } from './spool-position.ts';

export interface RetentionOptions {
  readonly files: FileLayer;
  readonly directory: string;
  readonly maxBytes: number;
}

/** Nothing may be deleted, and there is no room left. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
}

/** Which segments there are, how large they are, and which may go: only those that every sink has been given, the oldest first. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #segments: Segment[];
  #bytes: number;

  private constructor(options: RetentionOptions, segments: Segment[]) {
    this.#options = options;
    this.#segments = segments;
    this.#bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  static async read(options: RetentionOptions): Promise<Retention> {
    return new Retention(options, await listSegments(options.files, options.directory));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of the segment after the last one. */
  get next(): number {
    return this.end.segment + 1;
  }

  /** Where the last segment ends; segment 0 where there is none. */
  get end(): SpoolPosition {
    const last = this.#segments.at(-1);
    return last === undefined ? { segment: 0, offset: 0 } : { segment: last.number, offset: last.bytes };
  }

  began(segment: number, nowMs: number): void {
    this.#segments.push({ number: segment, bytes: 0, modifiedMs: nowMs });
  }

  /** Removes the last segment, which not even a header could be written to: each attempt makes another, for as long as a disk is full. */
  async takeBack(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined || last.bytes > 0) return;
    // Out of the list before anything is waited for: meanwhile others look at what is the last.
    this.#segments.pop();
    try {
      await this.#remove(last);
    } catch {
      this.#segments.push(last); // what failed before says more; its number is used up then
    }
  }

  grew(bytes: number, nowMs: number): void {
    const last = this.#segments.at(-1);
    if (last === undefined) throw new Error('there is no segment to grow');
    last.bytes += bytes;
    last.modifiedMs = nowMs;
    this.#bytes += bytes;
  }

  /**
   * Deletes old segments until `bytes` more fit.
   * @param needed the first segment that may not be deleted
   * @throws {SpoolFullError}
   */
  async makeRoom(bytes: number, needed: number): Promise<void> {
    const { maxBytes } = this.#options;
    while (this.#bytes + bytes > maxBytes) {
      if (!(await this.#removeOldest(needed))) {
        const why = this.#segments.length > 1 ? 'and no sink has taken the oldest of them yet' : 'all of it being written';
        throw new SpoolFullError(`the spool holds ${this.#bytes} bytes of at most ${maxBytes}, ${why}`);
      }
    }
  }

  /** Deletes the segments that are not needed and were last written before `beforeMs`; returns how many. */
  async expire(needed: number, beforeMs: number): Promise<number> {
    let removed = 0;
    while ((this.#segments[0]?.modifiedMs ?? beforeMs) < beforeMs && (await this.#removeOldest(needed))) removed += 1;
    return removed;
  }

  async #removeOldest(needed: number): Promise<boolean> {
    const [oldest] = this.#segments;
    if (oldest === undefined || this.#segments.length === 1 || oldest.number >= needed) return false;
    // Out of the list before it is waited for: a commit and what is too old may be looked after at the same time.
    this.#segments.shift();
    this.#bytes -= oldest.bytes;
    try {
      await this.#remove(oldest);
      return true;
    } catch (error) {
      this.#segments.unshift(oldest);
      this.#bytes += oldest.bytes;
      throw error;
    }
  }

  /** One that somebody else removed is gone as well. */
  async #remove({ number }: Segment): Promise<void> {
    const { files, directory } = this.#options;
    try {
      await files.remove(segmentPath(directory, number));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}
