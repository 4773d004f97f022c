/**
 * Runs every provider's contract and prints what was shown of which provider, and how. `--write` puts the matrix into
 * `docs/providers/contract.md`; without it nothing is written, and a page that says otherwise is named.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { COLUMNS } from './columns.ts';
import { type Judged, judge } from './matrix.ts';
import { outcomesOf } from './outcomes.ts';
import { markdownOf, reasonsOf, rowsOf, textTable } from './print.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/providers/contract.md');
const [BEGIN, END] = ['<!-- begin: npm run contract -- --write -->', '<!-- end -->'];

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });

const judged: Judged[] = [];
for (const column of COLUMNS) {
  const outcomes = await outcomesOf(column);
  judged.push(judge(column.name, outcomes));
  const count = (ended: string): number => outcomes.filter((outcome) => outcome.ended === ended).length;
  console.log(`${column.name}: ${count('passed')} tests passed, ${count('failed')} failed, ${count('skipped')} skipped`);
}

const { header, rows } = rowsOf(judged);
console.log(`\n${textTable(header, rows)}\n`);
for (const line of reasonsOf(judged)) console.log(line);

const others = judged.flatMap(({ column, others: failed }) => failed.map(({ name, why }) => `${column}: ${name}: ${why}`));
for (const line of others) console.log(`FAILED ${line}`);

const marks = judged.flatMap(({ cells }) => cells.map(({ mark }) => mark));
const passed = marks.filter((mark) => mark === 'real' || mark === 'scripted').length;
const failed = marks.filter((mark) => mark === 'FAILED' || mark === 'MISSING').length + others.length;

const page = readFileSync(PAGE, 'utf8');
const written = replaced(page, markdownOf(judged));
if (page === written) console.log('\ndocs/providers/contract.md says the same');
else if (values.write && failed === 0) {
  writeFileSync(PAGE, written);
  console.log('\ndocs/providers/contract.md was written');
} else {
  console.log(
    `\ndocs/providers/contract.md says otherwise${values.write ? ', and a run that failed writes nothing' : ': --write'}`,
  );
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function replaced(text: string, matrix: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no place for the matrix`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${matrix}\n\n${text.slice(end)}`;
}
