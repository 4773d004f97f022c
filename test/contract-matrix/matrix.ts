import { BEHAVIOURS, type Behaviour, shownBy } from '../contract/behaviours.ts';
import type { Outcome } from './outcomes.ts';

export type Mark = 'real' | 'scripted' | 'n/a' | 'skipped' | 'FAILED' | 'MISSING';

export interface Cell {
  readonly column: string;
  readonly behaviour: Behaviour;
  readonly mark: Mark;
  /** Of `n/a`, `skipped` and `FAILED`. */
  readonly why: string;
}

export interface Judged {
  readonly column: string;
  readonly cells: readonly Cell[];
  /** Why a counterpart of this column was not there; empty where all were. */
  readonly absent: readonly string[];
  /** What a suite said it does not show, beside its cells. */
  readonly remarks: readonly string[];
  /** Tests that failed without showing a behaviour. */
  readonly others: readonly Outcome[];
}

const NOT_APPLICABLE = 'not applicable: ';
const REMARK = /^(?:not shown|instead): /;

/** What a column's tests came to, behaviour by behaviour. What nothing shows is MISSING. */
export function judge(column: string, outcomes: readonly Outcome[]): Judged {
  const absent = outcomes.filter(({ ended, why }) => ended === 'skipped' && why.includes(' is skipped: ')).map(({ why }) => why);
  const behaviours = Object.keys(BEHAVIOURS) as Behaviour[];
  return {
    column,
    cells: behaviours.map((behaviour) => ({ column, behaviour, ...marked(behaviour, outcomes, absent) })),
    absent,
    remarks: distinct(outcomes.flatMap(({ said }) => said.filter((text) => REMARK.test(text)))),
    others: outcomes.filter(({ ended, said }) => ended === 'failed' && said.every((text) => shownBy(text) === undefined)),
  };
}

function marked(behaviour: Behaviour, outcomes: readonly Outcome[], absent: readonly string[]): Pick<Cell, 'mark' | 'why'> {
  const showing = outcomes.flatMap((outcome) => {
    const how = outcome.said.map(shownBy).find((shown) => shown?.behaviour === behaviour)?.how;
    return how === undefined ? [] : [{ outcome, how }];
  });
  const failed = showing.filter(({ outcome }) => outcome.ended === 'failed');
  if (failed.length > 0)
    return { mark: 'FAILED', why: failed.map(({ outcome }) => `${outcome.name}: ${outcome.why}`).join('; ') };
  const passed = showing.filter(({ outcome }) => outcome.ended === 'passed');
  if (passed.some(({ how }) => how === 'real')) return { mark: 'real', why: '' };
  if (passed.length > 0) return { mark: 'scripted', why: '' };
  const skips = showing.map(({ outcome }) => outcome.why).filter((why) => why.startsWith(NOT_APPLICABLE));
  if (skips.length > 0) return { mark: 'n/a', why: distinct(skips.map((why) => why.slice(NOT_APPLICABLE.length))).join('; ') };
  if (absent.length > 0) return { mark: 'skipped', why: absent.join('; ') };
  return { mark: 'MISSING', why: 'no test shows it' };
}

export function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
