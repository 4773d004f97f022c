import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CourierStatus, STATUS_FILE } from '../audit/courier-status.ts';
import { nodeFileLayer } from '../audit/file-layer.ts';
import { readFrames } from '../audit/frame.ts';
import { listSegments, type Segment, segmentPath } from '../audit/segments.ts';
import { readPublicKeys } from '../audit/signing-key.ts';
import { lockHolder } from '../audit/spool-lock.ts';

/** What one run of a daemon left in a spool. */
export interface StartFacts {
  readonly start: string;
  readonly segments: number;
  readonly bytes: number;
  /** When its oldest record that is still there was made, in milliseconds since the epoch. */
  readonly firstRecordMs: number;
  readonly lastWriteMs: number;
}

/** Records that a sink will never take, kept for people. */
export interface Undelivered {
  readonly sinkId: string;
  readonly file: string;
  readonly records: number;
}

/** One spool as it is on the disk. */
export interface SpoolFacts {
  readonly directory: string;
  /** Undefined where no daemon has used it yet, or the file is gone. */
  readonly sidecar: string | undefined;
  readonly signingKey: string | undefined;
  /** The process that writes to it; undefined where none does. */
  readonly writer: { readonly pid: number; readonly host: string } | undefined;
  readonly segments: number;
  readonly bytes: number;
  /** The newest first. */
  readonly starts: readonly StartFacts[];
  /** As the courier last told it; undefined where it never had a sink. */
  readonly status: CourierStatus | undefined;
  readonly undelivered: readonly Undelivered[];
}

const PROCESS_FOLDER = /^[1-9]\d{0,3}$/;
const SIDECAR_FILE = 'sidecar-id';
const PUBLIC_KEY_FILE = 'signing-key.pub.pem';
/** Enough of a segment for its header and its first record. */
const BEGIN_BYTES = 16 * 1024;

/**
 * Reads the spools of an audit directory, one for each process of the daemon, or the one spool that `directory` is itself. Changes
 * nothing, and may be called while the daemon runs.
 * @throws {Error} as `node:fs` does
 */
export async function readSpools(directory: string): Promise<readonly SpoolFacts[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory() && PROCESS_FOLDER.test(entry.name))
    .map(({ name }) => Number(name));
  const isSpool = entries.some(({ name }) => name === SIDECAR_FILE || name.endsWith('.seg'));
  const spools = [
    ...(isSpool ? [directory] : []),
    ...folders.sort((one, other) => one - other).map((each) => join(directory, `${each}`)),
  ];
  return await Promise.all(spools.map(readSpool));
}

async function readSpool(directory: string): Promise<SpoolFacts> {
  const segments = await listSegments(nodeFileLayer, directory);
  const [sidecar, signingKey, status, writer, starts, undelivered] = await Promise.all([
    textOf(join(directory, SIDECAR_FILE)),
    textOf(join(directory, PUBLIC_KEY_FILE)),
    textOf(join(directory, STATUS_FILE)),
    lockHolder(directory),
    readStarts(directory, segments),
    readUndelivered(join(directory, 'undelivered')),
  ]);
  return {
    directory,
    sidecar: sidecar?.trim(),
    signingKey: signingKey === undefined ? undefined : readPublicKeys(signingKey)[0]?.id,
    writer,
    segments: segments.length,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    starts,
    status: status === undefined ? undefined : parseStatus(status),
    undelivered,
  };
}

/** Undefined for half a file, as a loss of power leaves it: the courier writes another within a second. */
function parseStatus(text: string): CourierStatus | undefined {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readStarts(directory: string, segments: readonly Segment[]): Promise<StartFacts[]> {
  const starts = new Map<string, StartFacts>();
  for (const segment of segments) {
    const begin = await beginOf(directory, segment);
    if (begin === undefined) continue;
    const { start, firstRecordMs } = begin;
    const known = starts.get(start);
    starts.set(start, {
      start,
      segments: (known?.segments ?? 0) + 1,
      bytes: (known?.bytes ?? 0) + segment.bytes,
      firstRecordMs: known?.firstRecordMs ?? firstRecordMs ?? segment.modifiedMs,
      lastWriteMs: segment.modifiedMs,
    });
  }
  return [...starts.values()].reverse();
}

/** Undefined where the segment was deleted meanwhile, or was made and never had a header. */
async function beginOf(
  directory: string,
  { number }: Segment,
): Promise<{ readonly start: string; readonly firstRecordMs: number | undefined } | undefined> {
  const bytes = await orUndefined(nodeFileLayer.read(segmentPath(directory, number), 0, BEGIN_BYTES));
  let [start, firstRecordMs]: [string | undefined, number | undefined] = [undefined, undefined];
  readFrames(bytes ?? new Uint8Array(0), 0, (frame) => {
    if ('header' in frame) start = frame.header.start;
    else firstRecordMs ??= frame.record.timeMs;
  });
  return start === undefined ? undefined : { start, firstRecordMs };
}

async function readUndelivered(folder: string): Promise<Undelivered[]> {
  const names = (await orUndefined(readdir(folder))) ?? [];
  const files = names.filter((name) => name.endsWith('.ndjson')).sort();
  return await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name);
      return { sinkId: decodeURIComponent(name.slice(0, -'.ndjson'.length)), file, records: await countLines(file) };
    }),
  );
}

const LINE_FEED = 0x0a;

async function countLines(file: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Uint8Array>) {
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) lines += 1;
  }
  return lines;
}

function textOf(file: string): Promise<string | undefined> {
  return orUndefined(readFile(file, 'utf8'));
}

/** Undefined where what is read is not there. */
async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
