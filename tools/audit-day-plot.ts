import { EVENT_KINDS, type EventKind } from '../src/audit/event.ts';
import type { TenantReport } from '../src/audit/verify-report.ts';
import { DAY_BEGIN_MS, HOUR_MS } from './audit-day.ts';

/** What the picture needs of a record, as it stands in it. */
export interface PlottedRecord {
  readonly time: number;
  readonly metadata: { readonly event_code: string };
  readonly status_code?: string;
  readonly unmapped: { readonly kind: EventKind };
}

const [LEFT, COLUMN, TOP, LANE, BAR, WIDTH] = [110, 25, 66, 52, 36, 860] as const;
const RIGHT = LEFT + 24 * COLUMN;
const [INK, QUIET, FINE, REFUSED, SIGNED] = ['#222222', '#777777', '#3b6ea5', '#b5533c', '#8a8f98'] as const;
const CAPTIONS = { OK: 'succeeded', refused: 'refused or failed', checkpoint: 'checkpoint' } as const;

/** A lane for each kind of record, a bar for each hour; below them what did not succeed, and what verification says of the day. */
export function plotDay(records: readonly PlottedRecord[], tenant: TenantReport): string {
  const lanes = EVENT_KINDS.map((kind) => ({ kind, own: records.filter(({ unmapped }) => unmapped.kind === kind) })).filter(
    ({ own }) => own.length > 0,
  );
  const [bottom, notes] = [TOP + lanes.length * LANE, [...troubles(records), proof(tenant)]];
  const height = bottom + 38 + notes.length * 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
  <title>One day of tenant acme, as its sink has it</title>
  <rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text([LEFT, 22], 'One day of tenant acme, as its sink has it', `fill="${INK}" font-size="15"`)}${legend()}${lanes
  .map(({ kind, own }, at) => lane(kind, own, TOP + at * LANE))
  .join('')}${hours(bottom)}${notes.map((note, at) => text([LEFT, bottom + 42 + at * 18], note, `fill="${INK}"`)).join('')}</svg>
`;
}

function legend(): string {
  const entries = [
    [FINE, CAPTIONS.OK],
    [REFUSED, CAPTIONS.refused],
    [SIGNED, CAPTIONS.checkpoint],
  ] as const;
  return entries
    .map(
      ([colour, caption], at) =>
        `  <rect x="${LEFT + at * 150}" y="36" width="10" height="10" fill="${colour}"/>\n${text([LEFT + 16 + at * 150, 45], caption, `fill="${QUIET}"`)}`,
    )
    .join('');
}

function lane(kind: EventKind, records: readonly PlottedRecord[], top: number): string {
  const byHour = Array.from({ length: 24 }, (_, hour) => records.filter(({ time }) => hourOf(time) === hour));
  const most = Math.max(...byHour.map(({ length }) => length));
  const base = top + LANE - 8;
  const bars = byHour.map((own, hour) => bar(own, { x: LEFT + hour * COLUMN + 3, base, most })).join('');
  return `${text([LEFT - 12, base - 8], kind, `text-anchor="end" fill="${INK}"`)}${bars}  <line x1="${LEFT}" y1="${base}" x2="${RIGHT}" y2="${base}" stroke="#cccccc"/>
${text([RIGHT + 12, base - 18], `${records.length} record${records.length === 1 ? '' : 's'}`, `fill="${INK}"`)}${text([RIGHT + 12, base - 3], `at most ${most} an hour`, `fill="${QUIET}"`)}`;
}

/** Of one hour: what succeeded, and on top of it what did not. */
function bar(records: readonly PlottedRecord[], { x, base, most }: { x: number; base: number; most: number }): string {
  if (records.length === 0) return '';
  const refused = records.filter((record) => !isFine(record)).length;
  const fine = records.length - refused;
  const size = (count: number): number => Number(((count / most) * BAR).toFixed(1));
  const rect = (y: number, height: number, colour: string): string =>
    height === 0
      ? ''
      : `  <rect x="${x}" y="${Number(y.toFixed(1))}" width="${COLUMN - 6}" height="${height}" fill="${colour}"/>\n`;
  const colour = records[0]?.unmapped.kind === 'checkpoint' ? SIGNED : FINE;
  return rect(base - size(fine), size(fine), colour) + rect(base - size(fine) - size(refused), size(refused), REFUSED);
}

function hours(bottom: number): string {
  return Array.from({ length: 13 }, (_, at) => at * 2)
    .map((hour) =>
      text(
        [LEFT + hour * COLUMN, bottom + 12],
        `${String(hour).padStart(2, '0')}:00`,
        `text-anchor="middle" font-size="10" fill="${QUIET}"`,
      ),
    )
    .join('');
}

/** One line for each reason that documents were refused for: when, how often. */
function troubles(records: readonly PlottedRecord[]): string[] {
  const failed = records.filter((record) => !isFine(record));
  return [...Map.groupBy(failed, ({ status_code: code = '' }) => code)].map(([code, own]) => {
    const kinds = [...Map.groupBy(own, ({ unmapped }) => unmapped.kind)].map(([kind, some]) => `${some.length} ${kind}`);
    return `${clock(own[0]?.time)} to ${clock(own.at(-1)?.time)} UTC: ${code} (${kinds.join(', ')})`;
  });
}

function proof({ records, checkpoints, unproven, chains }: TenantReport): string {
  const last = chains.at(-1)?.proven;
  if (last === undefined) throw new Error('the day has no checkpoint');
  return `keyside audit verify: ${records} records and ${checkpoints} checkpoints, proven up to record ${last.sequence}, ${unproven} unproven`;
}

function isFine({ status_code: code = 'OK' }: PlottedRecord): boolean {
  return code === 'OK';
}

function hourOf(timeMs: number): number {
  return Math.floor((timeMs - DAY_BEGIN_MS) / HOUR_MS);
}

function clock(timeMs: number | undefined): string {
  return new Date(timeMs ?? 0).toISOString().slice(11, 16);
}

function text([x, y]: readonly [number, number], words: string, attributes: string): string {
  return `  <text x="${x}" y="${y}" ${attributes}>${escaped(words)}</text>\n`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
