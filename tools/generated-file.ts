import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Writes a generated file, or with `--check` on the command line only compares: exits 1 where what is committed is not what the
 * sources give. Says which in one line either way.
 */
export function writeOrCheck(path: string, content: string): void {
  if (!process.argv.includes('--check')) {
    writeFileSync(path, content);
    console.log(`wrote ${path}`);
  } else if (readOrEmpty(path) === content) {
    console.log(`${path} is current`);
  } else {
    console.error(`${path} is out of date: run npm run generate`);
    process.exitCode = 1;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
