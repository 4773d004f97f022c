import type { SinkFinding, SpoolFinding } from './audit-findings.ts';

const WIDTH = 80;
/** Starts of which only the newest are shown; `--json` has all. */
const MAX_STARTS = 8;
const NAME_WIDTH = 24;

/** The findings as a person reads them, in lines of 80 columns as far as names allow. */
export function statusWords(spools: readonly SpoolFinding[]): string {
  const problems = spools.reduce((sum, spool) => sum + spool.problems.length, 0);
  const last = problems === 0 ? 'nothing is wrong' : `${problems} problem${problems === 1 ? '' : 's'}`;
  return `${[...spools.flatMap((spool) => [...spoolLines(spool), '']), last].join('\n')}\n`;
}

function spoolLines(spool: SpoolFinding): string[] {
  const { directory, sidecar = 'unknown', signingKey = 'unknown', segments, bytes, writer } = spool;
  return [
    directory,
    `  sidecar ${sidecar}, signing key ${signingKey}`,
    writer === undefined ? '  no daemon writes to it' : `  process ${writer.pid} on ${writer.host} writes to it`,
    `  ${segments} segment${segments === 1 ? '' : 's'}, ${sizeText(bytes)}`,
    ...startLines(spool),
    ...sinkTable(spool),
    ...spool.undelivered.flatMap(({ sinkId, records, file }) =>
      wrapped(`  never delivered to ${sinkId}: ${records} record${records === 1 ? '' : 's'}, kept in ${file}`),
    ),
    ...spool.problems.flatMap((problem) => wrapped(`  PROBLEM ${problem}`)),
  ];
}

function startLines({ starts }: SpoolFinding): string[] {
  if (starts.length === 0) return [];
  const older = starts.length - MAX_STARTS;
  return [
    startLine(['start', 'segments', 'bytes', 'oldest', 'last write']),
    ...starts
      .slice(0, MAX_STARTS)
      .map(({ start, segments, bytes, ageMs, lastWriteAgoMs }) =>
        startLine([start, `${segments}`, sizeText(bytes), agoText(ageMs), agoText(lastWriteAgoMs)]),
      ),
    ...(older > 0 ? [`  and ${older} older start${older === 1 ? '' : 's'}`] : []),
  ];
}

function startLine([start, segments, bytes, oldest, last]: readonly [string, string, string, string, string]): string {
  return `  ${start.padEnd(32)} ${segments.padStart(8)} ${bytes.padStart(10)} ${oldest.padStart(10)} ${last.padStart(11)}`;
}

function sinkTable({ sinks, toldAgoMs, writer }: SpoolFinding): string[] {
  if (toldAgoMs === undefined || sinks.length === 0) return ['  no sinks: the spool is the trail'];
  const when = writer === undefined ? `as the daemon left them ${agoText(toldAgoMs)}` : `as of ${agoText(toldAgoMs)}`;
  return [
    `  sinks, ${when}`,
    sinkLine(['sink', 'kind', 'delivered', 'rejected', 'behind', 'lag']),
    ...sinks.flatMap((sink) => [...figures(sink), ...failureLines(sink)]),
  ];
}

/** A name that is too long has a line of its own. */
function figures({ id, kind, delivered, rejected, waitingBytes, lagMs }: SinkFinding): string[] {
  const behind = waitingBytes === 0 ? '-' : sizeText(waitingBytes);
  const lag = lagMs === undefined ? '-' : durationText(lagMs);
  const isLong = id.length > NAME_WIDTH;
  const line = sinkLine([isLong ? '' : id, kind, `${delivered}`, `${rejected}`, behind, lag]);
  return isLong ? [`  ${id}`, line] : [line];
}

function sinkLine([id, kind, delivered, rejected, behind, lag]: readonly [
  string,
  string,
  string,
  string,
  string,
  string,
]): string {
  return `  ${id.padEnd(NAME_WIDTH)} ${kind.padEnd(15)} ${delivered.padStart(9)} ${rejected.padStart(8)} ${behind.padStart(10)} ${lag.padStart(5)}`;
}

function failureLines({ failure }: SinkFinding): string[] {
  return failure === undefined ? [] : wrapped(`    ${failure.kind}, ${agoText(failure.agoMs)}: ${failure.message}`);
}

/** The text in lines of at most WIDTH characters, as far as its words allow; further lines are indented more than the first. */
function wrapped(text: string): string[] {
  const indent = ' '.repeat(text.length - text.trimStart().length);
  const lines: string[] = [];
  let line = indent.slice(1);
  for (const word of text.trimStart().split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${indent} `;
    }
    line = `${line} ${word}`;
  }
  return [...lines, line];
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function sizeText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1_024 ** power).toFixed(1)} ${UNITS[power]}`;
}

function agoText(ms: number): string {
  return `${durationText(ms)} ago`;
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000] as const;

/** Rounded down to a unit of which there are two at least. */
function durationText(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)}m`;
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)}h` : `${Math.floor(ms / DAY)}d`;
}
