import type { FileLayer } from '../../src/audit/file-layer.ts';
import { type FramedRecord, readFrames, type SegmentHeader } from '../../src/audit/frame.ts';
import { listSegments, segmentPath } from '../../src/audit/segments.ts';
import type { SpoolOptions } from '../../src/audit/spool.ts';
import type { LogLevel } from '../../src/telemetry/logger.ts';

export const SPOOL = '/spool';

export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
}

/** Options of a small spool that commits at the end of each turn; what it logs goes to `log`. */
export function spoolOptions(files: FileLayer, more: Partial<SpoolOptions> & { readonly log?: LoggedLine[] } = {}): SpoolOptions {
  const { log, ...options } = more;
  return {
    directory: SPOOL,
    sidecar: 'sidecar-1',
    start: 'start-1',
    segmentBytes: 4_096,
    maxBytes: 1024 * 1024,
    maxAgeMs: 60_000,
    commitDelayMs: 0,
    maxPendingBytes: 1024 * 1024,
    files,
    logger: { log: (level, message) => void log?.push({ level, message }) },
    ...options,
  };
}

export function recordNumber(sequence: number, tenantId = 'acme'): FramedRecord {
  return { kind: 'encrypt', sequence, timeMs: 1_790_000_000_000 + sequence, tenantId };
}

export interface ReadSegment {
  readonly header: SegmentHeader | undefined;
  readonly sequences: readonly number[];
  readonly stop: string;
}

/** Everything that a reader finds in a spool. */
export async function readSpool(files: FileLayer): Promise<ReadSegment[]> {
  const segments: ReadSegment[] = [];
  for (const { number, bytes } of await listSegments(files, SPOOL)) {
    let header: SegmentHeader | undefined;
    const sequences: number[] = [];
    const { stop } = readFrames(await files.read(segmentPath(SPOOL, number), 0, bytes), 0, (frame) => {
      if ('header' in frame) header = frame.header;
      else sequences.push(frame.record.sequence);
    });
    segments.push({ header, sequences, stop });
  }
  return segments;
}
