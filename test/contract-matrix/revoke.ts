/**
 * Measures against every real counterpart how long a document goes on opening after the customer disabled its key, and compares with
 * the lifetime of data keys for reading. `--ttl` sets that lifetime in milliseconds.
 */
import { parseArgs } from 'node:util';
import { MEASURED, type Measured, READ_TTL_VARIABLE } from '../contract/kms-revocation.ts';
import { COLUMNS } from './columns.ts';
import { outcomesOf } from './outcomes.ts';
import { textTable } from './print.ts';

const DEFAULT_TTL_MS = '2000';

const { values } = parseArgs({ options: { ttl: { type: 'string', default: DEFAULT_TTL_MS } } });
process.env[READ_TTL_VARIABLE] = values.ttl;

const rows: string[][] = [];
const remarks: string[] = [];
let [passed, failed] = [0, 0];
for (const column of COLUMNS) {
  const measuring = (await outcomesOf(column, [new RegExp(MEASURED)])).filter(
    ({ name, ended }) => name.startsWith(MEASURED) || ended === 'failed',
  );
  for (const { name, ended, why, said } of measuring) {
    const text = said.find((line) => line.startsWith(`${MEASURED} `));
    if (ended === 'passed') passed += 1;
    else failed += 1;
    if (text === undefined) {
      remarks.push(`${column.name}: ${name}: ${why}`);
      continue;
    }
    const { name: suite, lastSuccessMs, boundMs }: Measured = JSON.parse(text.slice(MEASURED.length));
    rows.push([
      column.name,
      suite.replace(/,$/, ''),
      `${lastSuccessMs.toFixed(0)} ms`,
      `${boundMs} ms`,
      ended === 'passed' ? 'yes' : `NO: ${why}`,
    ]);
  }
  if (measuring.length === 0) remarks.push(`${column.name}: nothing was measured, its counterpart is not there`);
}

console.log(`data keys for reading live ${values.ttl} ms and, in use, are proven again after four fifths of it\n`);
console.log(textTable(['provider', 'key', 'last success after', 'bound', 'within'], rows));
console.log(remarks.length === 0 ? '' : `\n${remarks.join('\n')}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
