/** What one benchmark found: a ratio of two figures taken in turns, never an absolute time. */
export interface Finding {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  /** What we want to reach; `atLeast` or `atMost`. */
  readonly goal: { readonly atLeast: number } | { readonly atMost: number };
}

/** The median of the rounds' ratios, with the lowest and the highest. */
export function summarise(ratios: readonly number[], goal: Finding['goal']): Finding {
  if (ratios.length === 0) throw new Error('a benchmark without rounds');
  const sorted = ratios.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median =
    sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  return { ratio: median, low: sorted[0] as number, high: sorted.at(-1) as number, rounds: ratios.length, goal };
}

export function reaches({ ratio, goal }: Finding): boolean {
  return 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
}

export function renderFindings(findings: Readonly<Record<string, Finding>>): string {
  const rows = Object.entries(findings).map(([name, finding]) => [
    name,
    finding.ratio.toFixed(2),
    `${finding.low.toFixed(2)}–${finding.high.toFixed(2)}`,
    String(finding.rounds),
    'atLeast' in finding.goal ? `≥ ${finding.goal.atLeast}` : `≤ ${finding.goal.atMost}`,
    reaches(finding) ? 'reached' : 'not reached',
  ]);
  const table = [['benchmark', 'ratio', 'low–high', 'rounds', 'goal', ''], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => (row[column] as string).length))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
