import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../integration/daemon-process.ts';

const PROGRAM = resolve(import.meta.dirname, '../../bin/keyside.js');

/** A configuration that somebody broke, and what its owner is to be told. */
export interface BrokenCase {
  readonly name: string;
  readonly provider: string;
  /** Breaks something and returns the settings of the key. */
  readonly break: () => Promise<object>;
  readonly reason: string;
  /** Who is to act. */
  readonly who: string;
  /** Of the doctor's words and its advice. */
  readonly says: readonly RegExp[];
  /** What must be printed nowhere. */
  readonly secrets?: readonly string[];
  /** What must hold once the doctor was there. */
  readonly afterwards?: () => void;
}

/** The cases of one counterpart, or why there are none. */
export type Cases = readonly BrokenCase[] | { readonly missing: string };

export const WHO = {
  operator: 'for whoever runs the daemon',
  customer: 'for the tenant',
  both: 'for the tenant or whoever runs the daemon',
  weather: 'may pass by itself, else for whoever runs the daemon',
} as const;

interface Diagnosis {
  readonly exitCode: number;
  /** The finding of the key and, below it, what to do. */
  readonly finding: string;
  readonly advice: string;
  readonly printed: string;
}

/** Writes a configuration with one key and has `keyside doctor` look at it, as a person at a shell would. */
export async function diagnose(t: TestContext, provider: string, settings: object): Promise<Diagnosis> {
  const folder = temporaryDirectory(t);
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content, { mode: 0o600 });
  write('origin-key', randomBytes(32).toString('base64'));
  write('keyside.yaml', 'listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\noriginKeyFiles: [origin-key]\n');
  // JSON is YAML.
  const key = { id: 'acme-main', provider, state: 'primary', [provider]: settings };
  write('tenants.yaml', JSON.stringify({ tenants: { acme: { keys: [key] } } }));
  const args = [PROGRAM, 'doctor', '--config', join(folder, 'keyside.yaml'), '--timeout', '3s'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [closed, stdout, stderr] = [once(child, 'close'), child.stdout.toArray(), child.stderr.toArray()];
  const [exitCode] = await closed;
  const printed = [...(await stdout), ...(await stderr)].join('');
  const lines = printed.split('\n');
  const at = lines.findIndex((line) => /^\S+ +key acme-main of acme: /.test(line));
  return { exitCode, finding: lines[at] ?? '', advice: (lines[at + 1] ?? '').trim(), printed };
}
