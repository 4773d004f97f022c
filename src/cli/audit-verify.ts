import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readPublicKeys, type VerificationKey } from '../audit/signing-key.ts';
import { verifyFiles } from '../audit/verify.ts';
import { placeText } from '../audit/verify-input.ts';
import type { ChainReport, TenantReport, VerifyReport } from '../audit/verify-report.ts';
import { AlreadyReported, UsageError } from './failure.ts';
import { type Terminal, write, writeLine } from './terminal.ts';

interface VerifyFlags {
  readonly trust?: string;
  readonly partial?: boolean;
  readonly json?: boolean;
}

/** `keyside audit verify`, below the command that is handed in. */
export function addAuditVerify(audit: Command, terminal: Terminal): void {
  audit
    .command('verify')
    .description(
      'check that no record of the audit trail was altered, removed or reordered; exits 0 where nothing is wrong, 1 where something is',
    )
    .argument('<file...>', 'segments of a spool, newline JSON, or that compressed with gzip: in any order')
    .option('--trust <file>', "public keys (PEM, one or more) whose checkpoints count: the sidecars' signing-key.pub.pem")
    .option('--partial', 'the files may begin after the first records of a chain')
    .option('--json', 'print the whole finding as JSON')
    .action((files: string[], flags: VerifyFlags) => auditVerify(files, flags, terminal));
}

async function auditVerify(files: readonly string[], flags: VerifyFlags, terminal: Terminal): Promise<void> {
  const trusted = flags.trust === undefined ? undefined : await readTrusted(flags.trust);
  const report = await verifyFiles(files, { trusted, isPartial: flags.partial }).catch((error: NodeJS.ErrnoException) => {
    // Nothing can be said of files that could not be read: that is no fault of theirs.
    throw error.syscall === undefined ? error : new UsageError(error.message);
  });
  if (flags.json) await writeLine(terminal.stdout, JSON.stringify(report));
  else await write(terminal.stdout, describe(report, flags.trust));
  if (report.verdict === 'fault') throw new AlreadyReported();
}

/** @throws {UsageError} where the file has no such keys */
async function readTrusted(file: string): Promise<readonly VerificationKey[]> {
  try {
    return readPublicKeys(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--trust ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function describe(report: VerifyReport, trustFile: string | undefined): string {
  const lines = [verdictLine(report, trustFile), ...faultLines(report), countLine(report), ...signerLines(report)];
  return `${[...lines, '', ...report.tenants.flatMap(tenantLines)].join('\n')}\n`;
}

function verdictLine({ verdict, unproven }: VerifyReport, trustFile: string | undefined): string {
  const rest = unproven === 0 ? '' : `; ${count(unproven, 'record')} after the last checkpoints unproven`;
  if (verdict === 'verified') return `verified: every checkpoint is signed by a key of ${trustFile}${rest}`;
  if (verdict === 'consistent') return `consistent, signer unproven: give --trust with the sidecars' public keys${rest}`;
  return 'fault: these are not the records as they were written, or not all of them';
}

function faultLines({ fault, faults }: VerifyReport): string[] {
  if (fault === undefined) return [];
  const { place, tenantId, start, record, what } = fault;
  const chain = tenantId === undefined ? '' : `\n  chain of ${nameOf(tenantId)}, start ${start}, record ${record}`;
  const others = faults === 1 ? [] : [`  ${faults - 1} more after it`];
  return [`  ${placeText(place)} ${what}${chain}`, ...others];
}

function countLine({ files, records, checkpoints, repeated, notCanonical }: VerifyReport): string {
  const again = repeated === 0 ? '' : `, ${repeated} repeated`;
  const anew = notCanonical === 0 ? '' : `, ${notCanonical} laid out anew by others`;
  return `${count(records, 'record')} and ${count(checkpoints, 'checkpoint')} in ${count(files, 'file')}${again}${anew}`;
}

function signerLines({ signers }: VerifyReport): string[] {
  return signers.map(
    ({ key, isTrusted, checkpoints }) =>
      `signed by key ${key} (${isTrusted ? 'trusted' : 'not pinned'}): ${count(checkpoints, 'checkpoint')}`,
  );
}

function tenantLines({ tenantId, records, unproven, chains }: TenantReport): string[] {
  return [`${nameOf(tenantId)}: ${count(records, 'record')}, ${unproven} unproven`, ...chains.map(chainLine)];
}

function chainLine({ start, first, last, proven, unproven }: ChainReport): string {
  const range = `  start ${start}, records ${first} to ${last}:`;
  if (proven === undefined) return `${range} no checkpoint`;
  const { sequence, checkpoint, timeMs } = proven;
  return `${range} proven up to ${sequence} by checkpoint ${checkpoint} of ${new Date(timeMs).toISOString()}, ${unproven} after it`;
}

function count(value: number, thing: string): string {
  return `${value} ${thing}${value === 1 ? '' : 's'}`;
}

function nameOf(tenantId: string): string {
  return tenantId === '' ? 'the daemon itself' : `tenant ${JSON.stringify(tenantId)}`;
}
