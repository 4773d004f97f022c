import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FrameStop, readFrames } from '../../src/audit/frame.ts';
import { operationKey } from './ledger.ts';

/** A record as a reader of the trail finds it. */
export interface KeptRecord {
  /** `<start>-<sequence>` */
  readonly uid: string;
  readonly start: string;
  readonly sequence: number;
  /** Empty: the daemon's own. */
  readonly tenantId: string;
  readonly kind: string;
  readonly method: string;
  readonly outcome: string;
  /** As a ledger has it; undefined for what is no document's. */
  readonly key: string | undefined;
  readonly line: string;
}

export interface KeptSegment {
  readonly file: string;
  /** Undefined where it has no header. */
  readonly start: string | undefined;
  readonly records: readonly KeptRecord[];
  readonly stop: FrameStop;
}

/** All segments of a spool, the oldest first. */
export function readSegments(spool: string): KeptSegment[] {
  return segmentFiles(spool).map(readSegment);
}

export function segmentFiles(spool: string): string[] {
  return readdirSync(spool)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .map((name) => join(spool, name));
}

export function readSegment(file: string): KeptSegment {
  let start: string | undefined;
  const records: KeptRecord[] = [];
  const { stop } = readFrames(readFileSync(file), 0, (frame) => {
    if ('header' in frame) start = frame.header.start;
    else records.push(keptRecord(new TextDecoder('utf-8', { fatal: true }).decode(frame.line)));
  });
  return { file, start, records, stop };
}

/** The records of a file of lines. @throws {SyntaxError} where a line is none */
export function readLines(text: string): KeptRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(keptRecord);
}

const DATA_KINDS: ReadonlySet<string> = new Set(['encrypt', 'decrypt', 'rewrap']);

function keptRecord(line: string): KeptRecord {
  const { metadata, unmapped, status_code: outcome = '' } = JSON.parse(line);
  const { kind, chain, request_id: requestId = '', item_id: itemId = '', phase } = unmapped;
  return {
    uid: metadata.uid,
    start: chain.start,
    sequence: metadata.sequence,
    tenantId: metadata.tenant_uid ?? '',
    kind,
    method: metadata.event_code,
    outcome,
    key: DATA_KINDS.has(kind) ? operationKey({ requestId, itemId, phase }) : undefined,
    line,
  };
}
