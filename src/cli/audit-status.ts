import type { Command } from 'commander';
import { judgeSpool } from './audit-findings.ts';
import { readSpools, type SpoolFacts } from './audit-spool.ts';
import { statusWords } from './audit-status-words.ts';
import { AlreadyReported, UsageError } from './failure.ts';
import { durationMs } from './option-values.ts';
import { type Terminal, write, writeLine } from './terminal.ts';

interface StatusFlags {
  readonly directory: string;
  readonly maxLag?: number;
  readonly json?: boolean;
}

/** `keyside audit status`, below the command that is handed in. */
export function addAuditStatus(audit: Command, terminal: Terminal): void {
  audit
    .command('status')
    .description('show what a spool holds and how far each sink is; exits 0 where nothing is wrong, 1 where a sink fails or lags')
    .requiredOption('--directory <dir>', "the configuration's audit.directory, or the spool of one process in it")
    .option('--max-lag <time>', 'how long a record may wait for a sink, such as 5m; left out, however long', durationMs)
    .option('--json', 'print everything as JSON')
    .action((flags: StatusFlags) => auditStatus(flags, terminal));
}

async function auditStatus({ directory, maxLag, json }: StatusFlags, { stdout }: Terminal): Promise<void> {
  const spools = (await read(directory)).map((facts) => judgeSpool(facts, { nowMs: Date.now(), maxLagMs: maxLag }));
  if (json) await writeLine(stdout, JSON.stringify({ spools }));
  else await write(stdout, statusWords(spools));
  if (spools.some(({ problems }) => problems.length > 0)) throw new AlreadyReported();
}

/** @throws {UsageError} where no spool can be read there */
async function read(directory: string): Promise<readonly SpoolFacts[]> {
  const spools = await readSpools(directory).catch((error: NodeJS.ErrnoException) => {
    throw error.syscall === undefined ? error : new UsageError(error.message);
  });
  if (spools.length === 0) throw new UsageError(`there is no spool of an audit trail in ${directory}`);
  return spools;
}
