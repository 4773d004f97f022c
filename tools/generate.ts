/** Runs every generator of this directory, `generate-*.ts`, in the order of their names; `--check` is handed on to each. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const generators = globSync('tools/generate-*.ts').sort();
if (generators.length < 3) throw new Error(`only ${generators.length} generators were found`);
const failed = generators.filter((generator) => {
  const { status } = spawnSync(process.execPath, [generator, ...process.argv.slice(2)], { stdio: 'inherit' });
  return status !== 0;
});
console.log(`${generators.length} generators ran, ${failed.length} failed`);
if (failed.length > 0) process.exitCode = 1;
