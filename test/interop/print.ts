import type { Cell, Count } from './matrix.ts';
import { KINDS } from './scenarios.ts';

/** Aligned for a terminal, the header first. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)));
  const line = (row: readonly string[]): string => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/** Rows are writers, columns readers; a cell says how many passed, and of which kinds some did not. */
export function matrixRows(cells: readonly Cell[], languages: readonly string[]): readonly (readonly string[])[] {
  return [
    ['written by \\ read by', ...languages],
    ...languages.map((writer) => [
      writer,
      ...languages.map((reader) => {
        const cell = cells.find((each) => each.writer === writer && each.reader === reader);
        return cell === undefined ? 'nothing' : cellText(cell);
      }),
    ]),
  ];
}

function cellText({ kinds }: Cell): string {
  const failed = KINDS.filter((kind) => kinds[kind].failed > 0).map((kind) => `${kinds[kind].failed} ${kind}`);
  const passed = `${sum(Object.values(kinds)).passed} passed`;
  return failed.length === 0 ? passed : `${passed}, FAILED: ${failed.join(', ')}`;
}

/** Rows are kinds, columns readers, over all writers. */
export function kindRows(cells: readonly Cell[], languages: readonly string[]): readonly (readonly string[])[] {
  return [
    ['kind \\ read by', ...languages],
    ...KINDS.map((kind) => [
      kind,
      ...languages.map((reader) => {
        const { passed, failed } = sum(cells.filter((cell) => cell.reader === reader).map((cell) => cell.kinds[kind]));
        return failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} FAILED`;
      }),
    ]),
  ];
}

export function sum(counts: readonly Count[]): Count {
  const passed = counts.reduce((total, count) => total + count.passed, 0);
  return { passed, failed: counts.reduce((total, count) => total + count.failed, 0) };
}
