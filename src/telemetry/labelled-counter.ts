import type { Attributes, ObservableResult } from '@opentelemetry/api';

interface Cell {
  readonly attributes: Attributes;
  total: number;
}

/**
 * A counter kept in plain numbers and read when metrics are collected, so that counting costs an addition. Its labels must have
 * few values, known beforehand: it keeps a cell for each pair it saw.
 */
export class LabelledCounter {
  readonly #names: readonly string[];
  readonly #cells = new Map<string, Map<string, Cell>>();

  /** @param names one or two label names */
  constructor(names: readonly [string] | readonly [string, string]) {
    this.#names = names;
  }

  /** Counts; 0 shows the label set without counting, so that a rate over it is right from the first event on. */
  add(count: number, first: string, second = ''): void {
    const cell = this.#cells.get(first)?.get(second) ?? this.#addCell(first, second);
    cell.total += count;
  }

  /** Reports the totals since the start. */
  observe(result: ObservableResult): void {
    for (const row of this.#cells.values()) {
      for (const { total, attributes } of row.values()) result.observe(total, attributes);
    }
  }

  #addCell(first: string, second: string): Cell {
    const [a, b] = this.#names;
    const attributes = { [a as string]: first, ...(b === undefined ? {} : { [b]: second }) };
    const cell = { attributes, total: 0 };
    const row = this.#cells.get(first) ?? new Map<string, Cell>();
    this.#cells.set(first, row.set(second, cell));
    return cell;
  }
}
