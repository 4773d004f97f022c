import { hash } from 'node:crypto';
import { fileFault } from './fault.ts';
import { parseTenantsFile, type TenantsFileResult } from './tenants-file.ts';
import { readObserved } from './tenants-folder.ts';

/** A tenants file as it was read last. */
export interface FileVersion {
  readonly signature: string;
  /** Read so soon after its change that a second change need not show in the signature. */
  readonly isFresh: boolean;
  readonly mtimeMs: number;
  /** Undefined where there was no content to be had. */
  readonly contentDigest: string | undefined;
  /** The same object for as long as the content is the same. */
  readonly result: TenantsFileResult;
}

interface VersionRequest {
  readonly file: string;
  /** As observed just before. */
  readonly signature: string;
  readonly known: FileVersion | undefined;
}

/** Reads a file, and parses it only where its content is not the known one. */
export function readVersion({ file, signature, known }: VersionRequest): FileVersion | 'changing' {
  const reading = readObserved(file, signature);
  if (reading === 'changing') return 'changing';
  if ('problem' in reading) {
    const faults = [fileFault(file, reading.problem)];
    return { signature, isFresh: false, mtimeMs: 0, contentDigest: undefined, result: { faults } };
  }
  const { mtimeMs, isFresh } = reading;
  const contentDigest = hash('sha256', reading.text, 'base64');
  const result = known?.contentDigest === contentDigest ? known.result : parseTenantsFile(reading.text, file);
  return { signature, isFresh, mtimeMs, contentDigest, result };
}
