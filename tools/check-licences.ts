/** Fails where a package of package-lock.json, shipped or not, has a licence that is not allowed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeLicences } from './licences.ts';

/** Fewer packages than this means that the lock file was not read as it is meant. */
const FEWEST = 20;

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const { seen, refused } = judgeLicences(packages, installedLicence);
for (const line of refused) console.error(line);
if (seen < FEWEST) console.error(`only ${seen} packages were seen`);
if (refused.length > 0 || seen < FEWEST) process.exitCode = 1;
else console.log(`${seen} packages have allowed licences`);

function installedLicence(place: string): string | undefined {
  try {
    const { license } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    return typeof license === 'string' ? license : license?.type;
  } catch {
    return undefined;
  }
}
