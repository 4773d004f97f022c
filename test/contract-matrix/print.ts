import { BEHAVIOURS, type Behaviour } from '../contract/behaviours.ts';
import { COLUMNS } from './columns.ts';
import type { Cell, Judged } from './matrix.ts';

/** Aligned for a terminal: the behaviours' words without the marks of Markdown. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('`', '')));
  const widths = header.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join(' | ')
        .trimEnd(),
    )
    .join('\n');
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** One row a behaviour, one column a provider. */
export function rowsOf(judged: readonly Judged[]): { readonly header: readonly string[]; readonly rows: readonly string[][] } {
  const header = ['behaviour', ...judged.map(({ column }) => column)];
  const rows = (Object.keys(BEHAVIOURS) as Behaviour[]).map((behaviour) => [
    BEHAVIOURS[behaviour],
    ...judged.map(({ cells }) => cells.find((cell) => cell.behaviour === behaviour)?.mark ?? ''),
  ]);
  return { header, rows };
}

/** Why cells are as they are, one line each, and what suites said beside. */
export function reasonsOf(judged: readonly Judged[]): readonly string[] {
  return judged.flatMap(({ column, cells, absent, remarks }) => [
    ...absent.map((why) => `${column}: ${why}`),
    ...cells.filter(hasReason).map(({ behaviour, mark, why }) => `${column}, ${BEHAVIOURS[behaviour]}: ${mark}: ${why}`),
    ...remarks.map((remark) => `${column}: ${remark}`),
  ]);
}

function hasReason({ mark, why }: Cell): boolean {
  return why !== '' && mark !== 'skipped';
}

/** The matrix with its reasons, as `docs/providers/contract.md` holds it. */
export function markdownOf(judged: readonly Judged[]): string {
  const { header, rows } = rowsOf(judged);
  const counterparts = COLUMNS.map(({ name, counterpart }) => `- \`${name}\`: ${counterpart}`);
  const reasons = reasonsOf(judged).map((line) => `- ${line}`);
  return [...counterparts, '', markdownTable(header, rows), '', ...reasons].join('\n');
}
