export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** A figure of the table: what it says and what we want it to be. */
export interface Figure {
  /** The two sides of the ratio, or what is counted in `unit`. */
  readonly what: string;
  readonly goal: Goal;
  /** Absent: a ratio of two figures taken in turns. */
  readonly unit?: 'MiB' | 'ms' | 'calls/s';
  /** What stands in the way where the goal is not reached, beyond what the profile shows. */
  readonly shortfall?: string;
}

/** The median of the rounds, with the lowest and the highest. */
interface Spread {
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly goal: Goal;
}

/** What was found of one figure: a ratio, a value in the figure's unit, or why nothing was found. */
export type Finding =
  | (Spread & { readonly ratio: number })
  | (Spread & { readonly value: number })
  | { readonly notRun: string; readonly goal: Goal };

export type Findings = Readonly<Record<string, Finding>>;

/** Precondition: at least one round, and every round gave a number. */
export function summarise(rounds: readonly number[], { goal, unit }: Pick<Figure, 'goal' | 'unit'>): Finding {
  if (rounds.length === 0 || !rounds.every(Number.isFinite)) throw new Error(`rounds without a figure: ${rounds.join(', ')}`);
  const sorted = rounds.map((figure) => Number(figure.toPrecision(4))).toSorted((a, b) => a - b);
  const [lower, upper] = [sorted[Math.ceil(sorted.length / 2) - 1] as number, sorted[Math.floor(sorted.length / 2)] as number];
  const median = Number(((lower + upper) / 2).toPrecision(4));
  const spread = { low: sorted[0] as number, high: sorted.at(-1) as number, rounds: sorted.length, goal };
  return unit === undefined ? { ratio: median, ...spread } : { value: median, ...spread };
}

/** The figure; undefined where it was not measured. */
export function medianOf(finding: Finding): number | undefined {
  if ('notRun' in finding) return undefined;
  return 'ratio' in finding ? finding.ratio : finding.value;
}

export type Verdict = 'reached' | 'not reached' | 'not run';

export function verdictOf(finding: Finding): Verdict {
  const median = medianOf(finding);
  if (median === undefined) return 'not run';
  const { goal } = finding;
  return ('atLeast' in goal ? median >= goal.atLeast : median <= goal.atMost) ? 'reached' : 'not reached';
}

/** `≥ 0.75` */
export function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
}

/** Ratios to two places, values in whole units. */
export function numberText(finding: Finding, number: number): string {
  return number.toFixed('ratio' in finding ? 2 : 0);
}

/** The cells of a finding's row: figure, lowest and highest, rounds, goal, verdict. */
export function cellsOf(finding: Finding): readonly string[] {
  const [goal, verdict] = [goalText(finding.goal), verdictOf(finding)];
  if ('notRun' in finding) return ['–', '–', '–', goal, verdict];
  const text = (number: number): string => numberText(finding, number);
  return [text(medianOf(finding) as number), `${text(finding.low)}–${text(finding.high)}`, String(finding.rounds), goal, verdict];
}

export function renderFindings(findings: Findings): string {
  const rows = Object.entries(findings).map(([name, finding]) => [name, ...cellsOf(finding)]);
  const table = [['benchmark', 'figure', 'low–high', 'rounds', 'goal', ''], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => (row[column] as string).length))) ?? [];
  const line = (row: readonly string[]): string => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ');
  const reasons = Object.entries(findings).flatMap(([name, finding]) =>
    'notRun' in finding ? [`${name}: ${finding.notRun}`] : [],
  );
  return [...table.map((row) => line(row).trimEnd()), ...reasons].join('\n');
}
