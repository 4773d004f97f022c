import type * as z from 'zod';
import type { ConfigurationFault, FaultPath } from './fault.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** Stands for "see the branches": a union without words of its own is explained by the branch that fits best. */
const SEE_BRANCHES = '';

/** What a schema expects, as a YAML author knows it. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

interface Checked<Output> {
  /** Undefined where there are faults. */
  readonly output: Output | undefined;
  readonly faults: readonly ConfigurationFault[];
}

/** Checks the source's value against the schema. Every fault is reported, each where it stands. */
export function checkSchema<Schema extends z.ZodType>(schema: Schema, source: YamlSource): Checked<z.output<Schema>> {
  const result = schema.safeParse(source.value, { error: words });
  if (result.success) return { output: result.data, faults: [] };
  return { output: undefined, faults: result.error.issues.flatMap((issue) => issueFaults(issue, [], source)) };
}

function issueFaults(issue: Issue, parent: FaultPath, source: YamlSource): ConfigurationFault[] {
  const path = [...parent, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => source.faultAtKey([...path, key], 'is not a known key'));
  }
  if (issue.code === 'invalid_union' && issue.message === SEE_BRANCHES) {
    const branch = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    return branch.flatMap((inner) => issueFaults(inner, path, source));
  }
  return [source.faultAt(path, issue.message)];
}

/** An issue in words, for schemas that have none of their own. Never repeats the value. */
function words(issue: RawIssue): string {
  if (issue.input === undefined && issue.code !== 'custom') return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(issue.input, issue.expected)}`;
    case 'invalid_value':
      return `must be ${alternatives(issue.values)}`;
    case 'too_small':
      if (issue.minimum === 1 && issue.origin !== 'number') return 'must not be empty';
      return `must be ${bound(issue, `at least ${issue.minimum}`)}`;
    case 'too_big':
      return `must be ${bound(issue, `at most ${issue.maximum}`)}`;
    case 'invalid_format':
      return `is not of the form of ${issue.format === 'regex' ? String(issue.pattern) : issue.format}`;
    case 'invalid_union':
      return 'discriminator' in issue && Array.isArray(issue.options) ? `must be ${alternatives(issue.options)}` : SEE_BRANCHES;
    default:
      return 'is not valid';
  }
}

function bound(issue: { readonly origin?: unknown }, limit: string): string {
  if (issue.origin === 'array' || issue.origin === 'set') return `a list of ${limit} entries`;
  return issue.origin === 'string' ? `${limit} characters long` : limit;
}

function alternatives(values: readonly unknown[]): string {
  const texts = values.map(String);
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function kindOf(input: unknown, expected: string): string {
  if (input === null) return 'nothing';
  if (expected === 'int' && typeof input === 'number') return 'a fraction';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return 'a number';
  if (typeof input === 'boolean') return `${input} (quote a text that reads so)`;
  return typeof input === 'string' ? 'a text' : 'a mapping';
}
