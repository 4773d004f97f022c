import type { FileLayer } from './file-layer.ts';
import { type FramedRecord, type FrameStop, MAX_BODY_BYTES, readFrames } from './frame.ts';
import { listSegments, segmentPath } from './segments.ts';
import type { SinkRecord } from './sink.ts';
import type { SpoolPosition } from './spool-position.ts';

/** Read at a time; a frame that is longer is read again alone. */
const BLOCK_BYTES = 1024 * 1024;

/** A record and where it stands. */
export interface ScannedRecord {
  readonly framed: FramedRecord;
  readonly begin: SpoolPosition;
  readonly end: SpoolPosition;
  /** With a line of its own, for whoever wants it. */
  toSinkRecord(): SinkRecord;
}

/** What a scan passed over because it is no record: after a crash or a failed write, or where somebody meddled. */
export interface PassedOver {
  readonly segment: number;
  readonly offset: number;
  readonly why: 'torn' | 'damaged' | 'missing';
}

export interface ScanOptions {
  readonly files: FileLayer;
  readonly directory: string;
  readonly onPassedOver: (passed: PassedOver) => void;
}

/** Reads the records of a spool from one place to another, block by block. One scan at a time. */
export class SegmentScan {
  readonly #options: ScanOptions;
  #position: SpoolPosition;
  #start = '';

  constructor(options: ScanOptions, from: SpoolPosition) {
    this.#options = options;
    this.#position = from;
  }

  /** Up to where records were read, or passed over. */
  get position(): SpoolPosition {
    return this.#position;
  }

  /**
   * Reads the next block of what lies before `until`, which is durable, and calls `each` for its records.
   * @returns false where there was nothing left
   */
  async next(until: SpoolPosition, each: (record: ScannedRecord) => void): Promise<boolean> {
    if (!isBefore(this.#position, until)) return false;
    const { segment, offset } = this.#position;
    const end = segment === until.segment ? until : undefined;
    const most = (end?.offset ?? Number.POSITIVE_INFINITY) - offset;
    let bytes = await this.#read(Math.min(BLOCK_BYTES, most));
    if (bytes.length === 0) {
      await this.#leave(end);
      return true;
    }
    if (offset > 0 && this.#start === '') await this.#readHeader(segment);
    let { offset: read, stop } = this.#parse(bytes, each);
    if (read === 0 && stop === 'torn' && bytes.length === BLOCK_BYTES) {
      bytes = await this.#read(Math.min(2 * MAX_BODY_BYTES, most));
      ({ offset: read, stop } = this.#parse(bytes, each));
    }
    this.#position = { segment, offset: offset + read };
    // Torn where the block ends within a frame: the next block begins with it, unless this was all there is.
    if (stop === 'damaged' || read === 0) {
      this.#options.onPassedOver({ segment, offset: offset + read, why: stop === 'damaged' ? 'damaged' : 'torn' });
      await this.#leave(end);
    }
    return true;
  }

  #parse(bytes: Uint8Array, each: (record: ScannedRecord) => void): { readonly offset: number; readonly stop: FrameStop } {
    const { segment, offset } = this.#position;
    let begin = this.#position;
    return readFrames(bytes, 0, (frame, endAt) => {
      const end = { segment, offset: offset + endAt };
      if ('header' in frame) this.#start = frame.header.start;
      else each(scanned(frame, this.#start, { begin, end }));
      begin = end;
    });
  }

  /** Nothing at the end of the segment, or where there is none. */
  async #read(length: number): Promise<Uint8Array> {
    const { files, directory, onPassedOver } = this.#options;
    const { segment, offset } = this.#position;
    try {
      return await files.read(segmentPath(directory, segment), offset, length);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (segment > 0) onPassedOver({ segment, offset, why: 'missing' });
      return new Uint8Array(0);
    }
  }

  /** On to the next segment that is there; to `end` where this was the last one. */
  async #leave(end: SpoolPosition | undefined): Promise<void> {
    this.#start = '';
    if (end !== undefined) {
      this.#position = end;
      return;
    }
    const { files, directory } = this.#options;
    const after = (await listSegments(files, directory)).find(({ number }) => number > this.#position.segment);
    this.#position = { segment: after?.number ?? this.#position.segment + 1, offset: 0 };
  }

  async #readHeader(segment: number): Promise<void> {
    const { files, directory } = this.#options;
    const bytes = await files.read(segmentPath(directory, segment), 0, BLOCK_BYTES);
    let isFirst = true;
    readFrames(bytes, 0, (frame) => {
      if (isFirst && 'header' in frame) this.#start = frame.header.start;
      isFirst = false;
    });
  }
}

export function isBefore(one: SpoolPosition, other: SpoolPosition): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset);
}

function scanned(
  { record, line }: { readonly record: FramedRecord; readonly line: Uint8Array },
  start: string,
  place: { readonly begin: SpoolPosition; readonly end: SpoolPosition },
): ScannedRecord {
  return {
    framed: record,
    ...place,
    toSinkRecord: () => ({
      id: `${start}-${record.sequence}`,
      sequence: record.sequence,
      timeMs: record.timeMs,
      tenantId: record.tenantId === '' ? undefined : record.tenantId,
      kind: record.kind,
      line: new Uint8Array(line),
    }),
  };
}
