import { type Figure, type Finding, goalText, medianOf, numberText, verdictOf } from '../test/bench/finding.ts';

interface PlottedRow {
  readonly name: string;
  readonly figure: Figure;
  readonly finding: Finding;
}

const [WIDTH, LEFT, RIGHT, TOP, ROW] = [860, 210, 190, 46, 24] as const;
/** The scale: from a quarter of the goal to four times, where a step doubles. Beyond, a bar is cut off. */
const STEPS = 2;
const COLOURS = { reached: '#2f7d4f', 'not reached': '#b5533c', 'not run': '#888888' } as const;

/**
 * A bar for each figure, from the goal to the median, to the right where it is better; a thin line spans the rounds. Where less is
 * better, twice as good is half the figure.
 */
export function plot(rows: readonly PlottedRow[]): string {
  const height = TOP + rows.length * ROW + 14;
  const goalAt = position(0);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
  <title>Each figure in relation to its goal</title>
  <rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${[-2, -1, 0, 1, 2].map((step) => axis(step, height)).join('')}${rows.map((row, at) => bar(row, TOP + at * ROW, goalAt)).join('')}</svg>
`;
}

function axis(step: number, height: number): string {
  const [x, label] = [position(step), step === 0 ? 'goal' : step < 0 ? `1/${2 ** -step} as good` : `${2 ** step} times`];
  return `  <line x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${height - 10}" stroke="${step === 0 ? '#333333' : '#dddddd'}"/>
  <text x="${x}" y="${TOP - 16}" text-anchor="middle" fill="#333333">${label}</text>
`;
}

function bar({ name, figure, finding }: PlottedRow, top: number, goalAt: number): string {
  const [middle, colour, median] = [top + ROW / 2, COLOURS[verdictOf(finding)], medianOf(finding)];
  const text = (x: number, anchor: string, value: string): string =>
    `  <text x="${x}" y="${middle + 4}" text-anchor="${anchor}" fill="#333333">${value}</text>\n`;
  const label = text(LEFT - 10, 'end', name);
  const at = WIDTH - RIGHT + 12;
  if (median === undefined || 'notRun' in finding) return label + text(at, 'start', `not run (${goalText(finding.goal)})`);
  const place = (number: number): number => position(goodness(number, finding));
  const [end, low, high] = [place(median), place(finding.low), place(finding.high)];
  const value = `${numberText(finding, median)}${figure.unit === undefined ? '' : ` ${figure.unit}`} (${goalText(finding.goal)})`;
  return `${label}  <rect x="${Math.min(end, goalAt)}" y="${top + 6}" width="${Number(Math.abs(end - goalAt).toFixed(1))}" height="${ROW - 12}" fill="${colour}"/>
  <line x1="${low}" y1="${middle}" x2="${high}" y2="${middle}" stroke="#222222"/>
${text(at, 'start', value)}`;
}

/** How often a figure is twice as good as its goal; negative where it is worse. */
function goodness(figure: number, { goal }: Finding): number {
  return 'atLeast' in goal ? Math.log2(figure / goal.atLeast) : Math.log2(goal.atMost / figure);
}

function position(step: number): number {
  const bounded = Math.min(STEPS, Math.max(-STEPS, step));
  return Number((LEFT + ((bounded + STEPS) / (2 * STEPS)) * (WIDTH - LEFT - RIGHT)).toFixed(1));
}
