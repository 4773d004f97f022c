import type { Figure } from './finding.ts';

/** How much a run measures. */
export interface Scale {
  /** Rounds that count; one before them does not. */
  readonly rounds: number;
  /** Share of the full number of calls and bytes, up to 1. */
  readonly share: number;
}

/** Measures both sides of every figure once, in turns. */
export type Round = () => Promise<Readonly<Record<string, number>>>;

/** One benchmark: one or more figures that are measured together. */
export interface Benchmark {
  readonly figures: Readonly<Record<string, Figure>>;
  /**
   * Starts what is measured; what must be stopped goes on the stack.
   * @throws {NotRun} where this machine lacks something; {Error} where an answer was wrong
   */
  prepare(scale: Scale, stack: AsyncDisposableStack): Promise<Round>;
}

/** Why a benchmark cannot run here. Its figures count as not run, never as reached. */
export class NotRun extends Error {}
