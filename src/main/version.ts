import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version in package.json, found upwards from here: sources and compiled output lie at different depths. */
export const version: string = findVersion(import.meta.dirname);

function findVersion(directory: string): string {
  try {
    const manifest: { name?: string; version?: string } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    if (manifest.name === 'keyside' && manifest.version !== undefined) return manifest.version;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const parent = dirname(directory);
  if (parent === directory) throw new Error('no package.json of keyside was found above its sources');
  return findVersion(parent);
}
