import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, type Ended, runCommand } from './command.ts';
import type { Language, Phase } from './languages.ts';
import type { Scenarios } from './scenarios.ts';
import type { Served } from './serve.ts';
import { type TestCounts, testCounts } from './test-counts.ts';
import { faultsOfWritten } from './written.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** Lines of a run's output that are shown where it failed. */
const SHOWN_LINES = 150;

interface Surroundings {
  readonly served: Served;
  readonly scenarios: Scenarios;
  readonly signal: AbortSignal;
}

/** One language's way through the suite: everything that was found of it is kept here and printed as it comes. */
export class TakingPart {
  readonly language: Language;
  /** One line each: what failed apart from scenarios. */
  readonly faults: string[] = [];
  /** What its own test runner counted, run by run. */
  readonly runs: TestCounts[] = [];
  readonly #served: Served;
  readonly #scenarios: Scenarios;
  readonly #signal: AbortSignal;

  constructor(language: Language, { served, scenarios, signal }: Surroundings) {
    this.language = language;
    this.#served = served;
    this.#scenarios = scenarios;
    this.#signal = signal;
  }

  /** Why the language cannot take part on this machine; undefined where it can. */
  async missingTool(): Promise<string | undefined> {
    for (const tool of this.language.tools) {
      const { fault } = await this.#run(tool);
      if (fault !== undefined) return `${[tool.program, ...tool.args].join(' ')}: ${fault}`;
    }
    return undefined;
  }

  /** Whether the client is built and ready. */
  async setUp(): Promise<boolean> {
    for (const command of this.language.setUp) {
      if (!(await this.#succeeds('set up', command))) return false;
    }
    return true;
  }

  /** Runs all of the client's tests; what its interop test wrote must be whole. */
  async write(): Promise<void> {
    await this.#test('write', {});
    const { value, why } = this.#exchangedJson(`${this.language.name}.json`);
    const sizeOf = (name: string): number | undefined =>
      name.includes('/') ? undefined : statSync(this.#exchanged(name), { throwIfNoEntry: false })?.size;
    const faults = value === undefined ? [why] : faultsOfWritten(value, this.#scenarios, sizeOf);
    for (const fault of faults) this.#fail(`${this.language.name}.json ${fault}`);
  }

  /** Whether there is anything of it to read. */
  get hasWritten(): boolean {
    return existsSync(this.#exchanged(`${this.language.name}.json`));
  }

  /** Has the client read what the writers wrote. Returns its list of results, or why there is none. */
  async read(writers: readonly string[]): Promise<{ readonly results: unknown; readonly why: string }> {
    const { name } = this.language;
    const before = this.#served.wrapsOf('throttled');
    await this.#test('read', { KEYSIDE_INTEROP_WRITERS: writers.join(',') });
    this.#checkAttempts(this.#served.wrapsOf('throttled') - before, writers.length);
    const { value, why } = this.#exchangedJson(`read-by-${name}.json`);
    return { results: value, why: `read-by-${name}.json ${value === undefined ? why : 'is no list'}` };
  }

  /** The KMS that throttles is asked once for each attempt of a client: four of them for each scenario that ends in KMS_THROTTLED. */
  #checkAttempts(asked: number, writers: number): void {
    const scenarios = this.#scenarios.errors.filter(({ reason }) => reason === 'KMS_THROTTLED').length;
    const expected = 4 * scenarios * writers;
    if (asked !== expected) this.#fail(`asked a KMS that throttles ${asked} times and not ${expected}`);
  }

  async #test(phase: Phase, more: Readonly<Record<string, string>>): Promise<void> {
    const { name, tests, ways, runner } = this.language;
    const env = { ...this.#served.variables(this.#served[ways[phase]]), KEYSIDE_INTEROP_PHASE: phase, ...more };
    for (const command of tests[phase]) {
      const ended = await this.#run({ ...command, env });
      const counts = testCounts(runner, ended.output);
      if (counts !== undefined) this.runs.push(counts);
      const said = counts === undefined ? 'no tests' : countsText(counts);
      console.log(`${name}: ${phase} over ${ways[phase]}, in ${command.cwd}: ${said} in ${(ended.tookMs / 1_000).toFixed(1)} s`);
      if (ended.fault !== undefined) this.#failed(phase, ended);
      else if (counts === undefined) this.#fail(`${phase}: no tests were run in ${command.cwd}`);
    }
  }

  async #succeeds(what: string, command: Command): Promise<boolean> {
    const ended = await this.#run(command);
    if (ended.fault === undefined) return true;
    this.#failed(`${what} (${[command.program, ...command.args].join(' ')})`, ended);
    return false;
  }

  async #run(command: Command): Promise<Ended> {
    return await runCommand(command, ROOT, this.#signal);
  }

  #failed(what: string, { fault, output }: Ended): void {
    this.#fail(`${what}: ${fault}`);
    const lines = output.trimEnd().split('\n').slice(-SHOWN_LINES);
    console.log(lines.map((line) => `  ${this.language.name} | ${line}`).join('\n'));
  }

  #fail(fault: string): void {
    this.faults.push(`${this.language.name}: ${fault}`);
    console.log(`FAILED ${this.language.name}: ${fault}`);
  }

  /** What a file of the folder holds; undefined where it is not there or no JSON, and why. */
  #exchangedJson(name: string): { readonly value: unknown; readonly why: string } {
    if (!existsSync(this.#exchanged(name))) return { value: undefined, why: 'was not written' };
    try {
      return { value: JSON.parse(readFileSync(this.#exchanged(name), 'utf8')), why: '' };
    } catch (error) {
      return { value: undefined, why: `is no JSON: ${error instanceof Error ? error.message : error}` };
    }
  }

  #exchanged(name: string): string {
    return join(this.#served.exchange, name);
  }
}

function countsText({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
