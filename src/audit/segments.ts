import { join } from 'node:path';
import type { FileLayer } from './file-layer.ts';

const NAME = /^(\d{12})\.seg$/;

export interface Segment {
  readonly number: number;
  /** Of a closed segment all of it; of the one being written what is durable. */
  bytes: number;
  /** Last write, in milliseconds since the epoch. */
  modifiedMs: number;
}

/** The path of a segment: names sort as numbers do. */
export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${String(segment).padStart(12, '0')}.seg`);
}

/** The segments of a directory, the oldest first. */
export async function listSegments(files: FileLayer, directory: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const { name, bytes, modifiedMs } of await files.list(directory)) {
    const digits = NAME.exec(name)?.[1];
    if (digits !== undefined) segments.push({ number: Number(digits), bytes, modifiedMs });
  }
  return segments;
}
