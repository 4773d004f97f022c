import { type Expected, KINDS, type Kind } from './scenarios.ts';

/** What a reader made of a writer's scenarios of one kind. */
export interface Count {
  passed: number;
  failed: number;
}

/** What one reader made of what one writer wrote. */
export interface Cell {
  readonly writer: string;
  readonly reader: string;
  readonly kinds: Readonly<Record<Kind, Count>>;
  /** One line each: the kind, the scenario, and what was found. */
  readonly failures: readonly string[];
}

/** A reader's list as it was read from its file; undefined where there is no such file. */
export type ResultList = unknown;

interface Reader {
  readonly reader: string;
  readonly results: ResultList;
  /** Why there is no list, where there is none. */
  readonly why: string;
}

/** A reader's results against what must be there. `strays` are entries that belong to no cell. */
export interface Judged {
  readonly cells: readonly Cell[];
  readonly strays: readonly string[];
}

interface Result {
  readonly writer: unknown;
  readonly kind: unknown;
  readonly scenario: unknown;
  readonly passed: unknown;
  readonly says: unknown;
}

/** Judges one reader: each expected entry must be there once and have passed, and none may be there that is not expected. */
export function judgeReader({ reader, results, why }: Reader, writers: readonly string[], expected: readonly Expected[]): Judged {
  const byKey = new Map<string, Result[]>();
  const strays: string[] = [];
  const known = new Set(writers.flatMap((writer) => expected.map((entry) => keyOf({ writer, ...entry }))));
  for (const entry of Array.isArray(results) ? (results as unknown[]) : []) {
    const result = (typeof entry === 'object' && entry !== null ? entry : {}) as Result;
    const key = keyOf(result);
    if (known.has(key)) byKey.set(key, [...(byKey.get(key) ?? []), result]);
    else strays.push(`${reader} has a result that was not asked for: ${JSON.stringify(entry).slice(0, 200)}`);
  }
  const missing = Array.isArray(results) ? 'there is no result' : why;
  const cells = writers.map((writer) => {
    const kinds = Object.fromEntries(KINDS.map((kind) => [kind, { passed: 0, failed: 0 }])) as Record<Kind, Count>;
    const failures: string[] = [];
    for (const entry of expected) {
      const fault = faultOf(byKey.get(keyOf({ writer, ...entry })) ?? [], missing);
      if (fault === undefined) kinds[entry.kind].passed += 1;
      else {
        kinds[entry.kind].failed += 1;
        failures.push(`${entry.kind} ${entry.scenario}: ${fault.replaceAll(/\s*\n\s*/g, '; ')}`);
      }
    }
    return { writer, reader, kinds, failures };
  });
  return { cells, strays };
}

/** Why the entries of one scenario do not show that it passed; undefined where they do. */
function faultOf(results: readonly Result[], missing: string): string | undefined {
  const [result, another] = results;
  if (result === undefined) return missing;
  if (another !== undefined) return `there are ${results.length} results`;
  const { passed, says } = result;
  if (typeof says !== 'string') return 'its "says" is no text';
  if (passed === true) return says === '' ? undefined : `it passed and yet says: ${says}`;
  return says === '' ? 'it failed and does not say why' : says;
}

function keyOf({ writer, kind, scenario }: Pick<Result, 'writer' | 'kind' | 'scenario'>): string {
  return JSON.stringify([writer, kind, scenario]);
}
