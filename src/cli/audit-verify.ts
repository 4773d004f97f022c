import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readPublicKeys, type VerificationKey } from '../audit/signing-key.ts';
import { verifyFiles } from '../audit/verify.ts';
import { placeText } from '../audit/verify-input.ts';
import type { ChainReport, TenantReport, VerifyReport } from '../audit/verify-report.ts';
import type { UnprovenChain } from '../audit/verify-unproven.ts';
import { AlreadyReported, UsageError } from './failure.ts';
import { type Terminal, write, writeLine } from './terminal.ts';

interface VerifyFlags {
  readonly trust?: string;
  readonly partial?: boolean;
  readonly allowUnproven?: boolean;
  readonly json?: boolean;
}

/** `keyside audit verify`, below the command that is handed in. */
export function addAuditVerify(audit: Command, terminal: Terminal): void {
  audit
    .command('verify')
    .description(
      'check that no record of the audit trail was altered, removed or reordered; exits 0 where nothing is wrong, 1 where something is, or is not signed as it should be',
    )
    .argument('<file...>', 'segments of a spool, newline JSON, or that compressed with gzip: in any order')
    .option('--trust <file>', "public keys (PEM, one or more) whose checkpoints count: the sidecars' signing-key.pub.pem")
    .option(
      '--allow-unproven',
      "with --trust: chains of a sidecar's newest start may have no checkpoint yet, as in files that are still written to",
    )
    .option('--partial', 'the files may begin after the first records of a chain, and lack chains of other files')
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
  else await write(terminal.stdout, describe(report, flags));
  if (report.verdict === 'fault' || (report.verdict === 'unproven' && !isAllowed(report, flags))) throw new AlreadyReported();
}

/** Only what is young may lack checkpoints: the chains of starts that ended would have them. */
function isAllowed({ unprovenChains }: VerifyReport, { allowUnproven = false }: VerifyFlags): boolean {
  return allowUnproven && unprovenChains.every(({ isNewestStart }) => isNewestStart);
}

/** @throws {UsageError} where the file has no such keys */
async function readTrusted(file: string): Promise<readonly VerificationKey[]> {
  try {
    return readPublicKeys(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--trust ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function describe(report: VerifyReport, flags: VerifyFlags): string {
  const lines = [
    verdictLine(report, flags),
    ...faultLines(report),
    countLine(report),
    ...signerLines(report),
    ...comparedLines(report),
    ...unprovenLines(report, flags),
  ];
  return `${[...lines, '', ...report.tenants.flatMap(tenantLines)].join('\n')}\n`;
}

function verdictLine(report: VerifyReport, flags: VerifyFlags): string {
  const { verdict, unproven, unprovenChains } = report;
  const rest = unproven === 0 ? '' : `; ${count(unproven, 'record')} after the last checkpoints unproven`;
  if (verdict === 'verified') return `verified: every checkpoint is signed by a key of ${flags.trust}${rest}`;
  if (verdict === 'consistent') return `consistent, signer unproven: give --trust with the sidecars' public keys${rest}`;
  if (verdict === 'fault') return 'fault: these are not the records as they were written, or not all of them';
  const without = unprovenChains.filter(({ hasCheckpoint }) => !hasCheckpoint).length;
  const cut = unprovenChains.length - without;
  const what = [
    ...(without === 0 ? [] : [`${count(without, 'chain')} ${without === 1 ? 'has' : 'have'} no trusted checkpoint`]),
    ...(cut === 0 ? [] : [`${count(cut, 'chain')} of ended starts ${cut === 1 ? 'goes' : 'go'} on after the last one`]),
  ].join(', ');
  return isAllowed(report, flags)
    ? `unproven in part, as --allow-unproven allows: ${what}${rest}`
    : `not verified: ${what}${rest}`;
}

/** As many chains are listed; `--json` has all. */
const LISTED = 20;

function unprovenLines(report: VerifyReport, flags: VerifyFlags): string[] {
  const { unprovenChains } = report;
  const lines = unprovenChains.slice(0, LISTED).map(unprovenLine);
  if (unprovenChains.length > LISTED) lines.push(`${count(unprovenChains.length - LISTED, 'more chain')} like these`);
  const isYoung = report.verdict === 'unproven' && unprovenChains.some(({ isNewestStart }) => isNewestStart);
  if (!isYoung || flags.allowUnproven) return lines;
  return [
    ...lines,
    'a chain has its first checkpoint at most audit.checkpointInterval (60 s) after its first record: verify again, or give --allow-unproven',
  ];
}

function unprovenLine({ tenantId, sidecar, start, first, last, hasCheckpoint, isNewestStart }: UnprovenChain): string {
  const what = hasCheckpoint ? 'after its last checkpoint' : 'without any checkpoint';
  const later = isNewestStart ? '' : `, although a later start of sidecar ${sidecar} is here: cut off or made anew`;
  return `unproven: ${nameOf(tenantId)}, start ${start}, ${range(first, last)} ${what}${later}`;
}

function comparedLines({ verdict, compared: { starts, of } }: VerifyReport): string[] {
  if (verdict === 'fault') return [];
  if (starts === of) return ['no chain was left out up to the last checkpoints: each has all the chains that it is over'];
  const where = starts === 0 ? '' : ` of ${of - starts} of ${count(of, 'start')}`;
  return [`not seen: whether chains${where} were left out, since that takes the daemon's own records and those of all tenants`];
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
  const where = `  start ${start}, records ${first} to ${last}:`;
  if (proven === undefined) return `${where} no checkpoint`;
  const { sequence, checkpoint, timeMs } = proven;
  return `${where} proven up to ${sequence} by checkpoint ${checkpoint} of ${new Date(timeMs).toISOString()}, ${unproven} after it`;
}

function range(first: number, last: number): string {
  return first === last ? `record ${first}` : `records ${first} to ${last}`;
}

function count(value: number, thing: string): string {
  return `${value} ${thing}${value === 1 ? '' : 's'}`;
}

function nameOf(tenantId: string): string {
  return tenantId === '' ? 'the daemon itself' : `tenant ${JSON.stringify(tenantId)}`;
}
