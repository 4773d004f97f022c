import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const SCENARIOS_FILE = join(import.meta.dirname, 'scenarios.json');

/** The kinds of a result, in the order in which they are shown. */
export const KINDS = ['document', 'batch', 'stream', 'range', 'errors'] as const;

export type Kind = (typeof KINDS)[number];

/** What the suite itself needs to know of `scenarios.json`; README.md has the whole of it. */
export interface Scenarios {
  readonly documents: readonly DocumentScenario[];
  readonly batches: readonly { readonly id: string; readonly documents: readonly DocumentScenario[] }[];
  readonly streams: readonly { readonly id: string; readonly bytes: number; readonly detached: boolean }[];
  readonly ranges: readonly RangeScenario[];
  readonly errors: readonly ErrorScenario[];
}

export interface DocumentScenario {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface RangeScenario {
  readonly id: string;
  readonly stream: string;
  readonly offset: number;
  readonly length: number | null;
  readonly expected: number;
}

interface ErrorScenario {
  readonly id: string;
  readonly call: string;
  readonly document?: string;
  readonly change?: { readonly flip?: string; readonly edek?: string };
  readonly reason: string;
  readonly code: string;
  readonly retryable: boolean;
}

/** One thing that every reader must show of every writer. */
export interface Expected {
  readonly kind: Kind;
  readonly scenario: string;
}

export function readScenarios(): Scenarios {
  return JSON.parse(readFileSync(SCENARIOS_FILE, 'utf8')) as Scenarios;
}

/** Every entry that a reader's list must have for each writer. */
export function expectedResults(scenarios: Scenarios): readonly Expected[] {
  const of = (kind: Kind, list: readonly { readonly id: string }[]): Expected[] => list.map(({ id }) => ({ kind, scenario: id }));
  return [
    ...of('document', scenarios.documents),
    ...of('batch', scenarios.batches),
    ...of('stream', scenarios.streams),
    ...of('range', scenarios.ranges),
    ...of('errors', scenarios.errors),
  ];
}
