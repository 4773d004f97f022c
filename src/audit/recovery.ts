import { Chains } from './chain.ts';
import { type CheckpointStatement, writeCheckpoint } from './checkpoint.ts';
import { replaceFile } from './cursors.ts';
import type { FileLayer } from './file-layer.ts';
import { readFrames, type SegmentHeader } from './frame.ts';
import { listSegments, type Segment, segmentPath } from './segments.ts';
import type { SigningKey } from './signing-key.ts';
import { Spool, type SpoolOptions } from './spool.ts';

/** How the run before this one ended, and how that was mended. */
export interface Recovery {
  readonly start: string;
  /** Of its last record, with what this run added to it. */
  readonly sequence: number;
  /** Records after its last complete checkpoint, as far as they had to be read. */
  readonly records: number;
  /** Bytes at its end that are no record: a write that was not finished, hence not acknowledged. */
  readonly tornBytes: number;
  /** Undefined where it had proven everything. */
  readonly checkpoint: CheckpointStatement | undefined;
}

export interface RecoveryOptions extends Omit<SpoolOptions, 'start'> {
  readonly key: SigningKey;
  readonly version: string;
  readonly now: () => number;
}

/**
 * Signs what the last run in this directory recorded after its last checkpoint: nothing that was acknowledged stays unproven because
 * the process ended without a farewell. The records of that checkpoint are the former run's, in a segment of its own.
 * Precondition: nobody writes to the spool.
 * @returns undefined where there was no former run
 * @throws {KeysideError} AUDIT_UNAVAILABLE where the checkpoint cannot be written
 */
export async function recoverFormerStart(options: RecoveryOptions): Promise<Recovery | undefined> {
  const { files, directory, key, version, now } = options;
  const former = await readFormer(files, directory);
  if (former === undefined) return undefined;
  const { header, lastLines, records, torn } = former;
  for (const each of torn) await cut(files, directory, each);
  const tornBytes = torn.reduce((sum, { bytes }) => sum + bytes, 0);
  const chains = Chains.resume({ sidecar: header.sidecar, start: header.start, version }, lastLines);
  const { start, sidecar } = header;
  if (!chains.hasMoved) return { start, sequence: chains.sequence, records, tornBytes, checkpoint: undefined };
  // Whatever the spool may hold: a few records more, and nothing is deleted for them.
  const spool = await Spool.open({ ...options, sidecar, start, maxBytes: Number.POSITIVE_INFINITY });
  try {
    const checkpoint = await writeCheckpoint({ chains, key, log: spool, now, isRecovery: true });
    return { start, sequence: chains.sequence, records, tornBytes, checkpoint };
  } finally {
    await spool.close();
  }
}

interface Former {
  readonly header: SegmentHeader;
  /** The last record of each chain that may lack a checkpoint, and of the daemon's own. */
  readonly lastLines: readonly Uint8Array[];
  readonly records: number;
  readonly torn: readonly TornEnd[];
}

/** What a write left at the end of a segment that was not finished. */
interface TornEnd {
  readonly segment: number;
  /** Where the last whole record ends. */
  readonly offset: number;
  readonly bytes: number;
  /** Whether it is the beginning of a frame; else nothing is known of what it is. */
  readonly isBeginning: boolean;
}

/**
 * Takes it away, durably before anything is added: whoever reads the segment later must find nothing that looks like tampering. After a
 * loss of power it may be zeros, or have holes; what is not plainly the beginning of a frame is kept beside the segment for people.
 */
async function cut(files: FileLayer, directory: string, torn: TornEnd): Promise<void> {
  const { segment, offset, bytes, isBeginning } = torn;
  const path = segmentPath(directory, segment);
  if (!isBeginning) {
    await replaceFile(files, `${path}.torn`, { bytes: await files.read(path, offset, bytes), isDurable: true });
    await files.syncDirectory(directory);
  }
  const file = await files.open(path);
  try {
    await file.truncate(offset);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Reads the last run from its end back, until everything before is known to be proven. */
async function readFormer(files: FileLayer, directory: string): Promise<Former | undefined> {
  const lastOf = new Map<string, Uint8Array>();
  const checkpoints = new Set<number>();
  let former: SegmentHeader | undefined;
  let records = 0;
  const torn: TornEnd[] = [];
  for (const segment of (await listSegments(files, directory)).reverse()) {
    const read = await readSegment(files, directory, segment);
    if (former === undefined && read.torn !== undefined) torn.push(read.torn);
    if (read.header === undefined) continue; // made, and the power went before it had a header
    former ??= read.header;
    if (read.header.start !== former.start) break;
    records += read.records;
    for (const [chain, line] of read.lastOf) if (!lastOf.has(chain)) lastOf.set(chain, line);
    for (const number of read.checkpoints) checkpoints.add(number);
    // Of the newest one there may be records that were not written any more: only what the one before it proved is surely proven.
    if (checkpoints.size > 1) break;
  }
  return former && { header: former, lastLines: [...lastOf.values()], records, torn };
}

interface ReadSegment {
  readonly header: SegmentHeader | undefined;
  readonly lastOf: ReadonlyMap<string, Uint8Array>;
  /** Numbers of the checkpoints in the daemon's own chain. */
  readonly checkpoints: readonly number[];
  readonly records: number;
  readonly torn: TornEnd | undefined;
}

async function readSegment(files: FileLayer, directory: string, { number, bytes: length }: Segment): Promise<ReadSegment> {
  const bytes = await files.read(segmentPath(directory, number), 0, length);
  let header: SegmentHeader | undefined;
  let records = 0;
  const lastOf = new Map<string, Uint8Array>();
  const checkpoints: number[] = [];
  const { offset, stop } = readFrames(bytes, 0, (frame) => {
    if ('header' in frame) {
      header = frame.header;
      return;
    }
    records += 1;
    lastOf.set(frame.record.tenantId, frame.line);
    if (frame.record.kind === 'checkpoint' && frame.record.tenantId === '') checkpoints.push(checkpointOf(frame.line));
  });
  // Copies: the lines are views that would keep the whole segment in memory.
  const copied = new Map([...lastOf].map(([chain, line]) => [chain, new Uint8Array(line)]));
  const isBeginning = stop === 'torn';
  const torn = stop === 'end' ? undefined : { segment: number, offset, bytes: bytes.length - offset, isBeginning };
  return { header, lastOf: copied, checkpoints, records, torn };
}

function checkpointOf(line: Uint8Array): number {
  return JSON.parse(new TextDecoder().decode(line)).unmapped.checkpoint.statement.checkpoint;
}
