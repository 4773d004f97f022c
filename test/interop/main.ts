/**
 * Has every client encrypt the scenarios against a real daemon, and every client decrypt what every client wrote; README.md has the
 * rules. `--only python,go` takes these alone. A language whose tools are not on the machine is left out with a line that says so, and
 * is a failure where CI=true. Exits 1 where anything failed.
 */
import { parseArgs } from 'node:util';
import { LANGUAGES, type Language } from './languages.ts';
import { type Cell, judgeReader } from './matrix.ts';
import { kindRows, matrixRows, sum, textTable } from './print.ts';
import { expectedResults, readScenarios } from './scenarios.ts';
import { serve } from './serve.ts';
import { TakingPart } from './taking-part.ts';

const scenarios = readScenarios();
const expected = expectedResults(scenarios);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

const chosen = chosenLanguages();
const served = await serve();
const faults: string[] = [];
const cells: Cell[] = [];
const all = chosen.map((language) => new TakingPart(language, { served, scenarios, signal: interrupt.signal }));
try {
  await takePart();
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
} finally {
  await stop();
}
report();

async function takePart(): Promise<void> {
  const ready = await setUp(all);
  for (const each of ready) await each.write();
  interrupt.signal.throwIfAborted();
  await served.rotate();
  const writers = ready.filter(({ hasWritten }) => hasWritten).map(({ language }) => language.name);
  const names = ready.map(({ language }) => language.name);
  for (const each of ready) {
    interrupt.signal.throwIfAborted();
    const { results, why } = await each.read(writers);
    const judged = judgeReader({ reader: each.language.name, results, why }, names, expected);
    cells.push(...judged.cells);
    faults.push(...judged.strays);
  }
}

function chosenLanguages(): readonly Language[] {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  if (values.only === undefined) return LANGUAGES;
  const names = values.only.split(',');
  const unknown = names.filter((name) => !LANGUAGES.some((language) => language.name === name));
  if (unknown.length > 0) {
    throw new Error(`there is no client in ${unknown.join(', ')}; there are ${LANGUAGES.map(({ name }) => name).join(', ')}`);
  }
  return LANGUAGES.filter(({ name }) => names.includes(name));
}

/** Those that can take part. */
async function setUp(languages: readonly TakingPart[]): Promise<readonly TakingPart[]> {
  const ready: TakingPart[] = [];
  for (const each of languages) {
    const { name } = each.language;
    const missing = await each.missingTool();
    if (missing === undefined) {
      if (await each.setUp()) ready.push(each);
    } else if (process.env.CI === 'true') {
      faults.push(`${name} cannot take part: ${missing}`);
    } else {
      console.log(`${name} is left out: ${missing}`);
    }
  }
  return ready;
}

async function stop(): Promise<void> {
  const code = await served.stop();
  const errors = served.output().filter((line) => !line.startsWith('{') || line.includes('"level":"error"'));
  if (code !== 0) faults.push(`the daemon ended with ${code}`);
  faults.push(...errors.map((line) => `the daemon said: ${line}`));
}

function report(): void {
  const languages = [...new Set(cells.map(({ reader }) => reader))];
  if (languages.length === 0) faults.push('no client has read anything');
  if (interrupt.signal.aborted) faults.push('the run was interrupted');
  console.log(`\n${expected.length} scenarios\n\n${textTable(matrixRows(cells, languages))}`);
  console.log(`\n${textTable(kindRows(cells, languages))}\n`);
  for (const { writer, reader, failures } of cells) {
    for (const failure of failures) console.log(`FAILED written by ${writer}, read by ${reader}: ${failure}`);
  }
  const allFaults = [...all.flatMap((each) => each.faults), ...faults];
  for (const fault of allFaults) console.log(`FAILED ${fault}`);
  const total = sum([...cells.flatMap(({ kinds }) => Object.values(kinds)), ...all.flatMap(({ runs }) => runs)]);
  console.log(`\n${total.passed} passed, ${total.failed + allFaults.length} failed`);
  process.exitCode = total.failed + allFaults.length === 0 ? 0 : 1;
}
