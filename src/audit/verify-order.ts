import { readAuditFile } from './verify-input.ts';
import { parseRecord } from './verify-record.ts';

interface Beginning {
  readonly file: string;
  readonly start: string;
  readonly sequence: number;
  readonly timeMs: number;
}

/** Files in the order of the records that they begin with: by start, in the order of the starts' times, then by number. */
export async function inReadingOrder(files: readonly string[]): Promise<readonly string[]> {
  const beginnings: Beginning[] = [];
  for (const file of files) beginnings.push(await beginningOf(file));
  const times = new Map<string, number>();
  for (const { start, timeMs } of beginnings) times.set(start, Math.min(timeMs, times.get(start) ?? timeMs));
  return beginnings
    .sort((a, b) => {
      const byTime = (times.get(a.start) ?? 0) - (times.get(b.start) ?? 0);
      if (byTime !== 0) return byTime;
      if (a.start !== b.start) return a.start < b.start ? -1 : 1;
      return a.sequence - b.sequence || (a.file < b.file ? -1 : 1);
    })
    .map(({ file }) => file);
}

/** By the first line that is a record. One that begins with none, or is empty, comes last. */
async function beginningOf(file: string): Promise<Beginning> {
  for await (const found of readAuditFile(file)) {
    for (const each of found) {
      const record = 'line' in each ? parseRecord(each.line) : { unreadable: each.unreadable };
      if (!('unreadable' in record)) return { file, start: record.start, sequence: record.sequence, timeMs: record.timeMs };
    }
    if (found.length > 0) break;
  }
  return { file, start: '', sequence: 0, timeMs: Number.MAX_SAFE_INTEGER };
}
