import { type Command, Option } from 'commander';
import { AlreadyReported } from '../failure.ts';
import { durationMs, several } from '../option-values.ts';
import { configFile, configOption, stateDirOption } from '../state-options.ts';
import { type Terminal, writeLine } from '../terminal.ts';
import { examine } from './examination.ts';
import { countVerdicts, type Finding, renderCounts, renderFinding } from './finding.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

interface DoctorFlags {
  readonly config?: string;
  readonly stateDir: string;
  readonly tenant?: readonly string[];
  readonly json?: boolean;
  readonly timeout: number;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description("check a configuration: the files, the addresses, and every tenant's every key end to end in its KMS")
    .addOption(configOption(terminal.environment))
    .addOption(stateDirOption(terminal.environment))
    .addOption(new Option('--tenant <id>', 'only the keys of this tenant; repeatable').argParser(several))
    .option('--json', 'print one JSON object at the end')
    .addOption(
      new Option('--timeout <time>', 'longest wait for a KMS, retries included')
        .argParser(durationMs)
        .default(DEFAULT_TIMEOUT_MS, '10s'),
    )
    .action((flags: DoctorFlags) => doctor(flags, terminal));
}

/** @throws {AlreadyReported} where anything fails */
async function doctor(flags: DoctorFlags, { stdout }: Terminal): Promise<void> {
  const findings: Finding[] = [];
  const request = { configFile: configFile(flags), tenantIds: flags.tenant ?? [], timeoutMs: flags.timeout };
  for await (const finding of examine(request)) {
    findings.push(finding);
    if (!flags.json) await writeLine(stdout, renderFinding(finding));
  }
  const counts = countVerdicts(findings);
  await writeLine(stdout, flags.json ? JSON.stringify({ findings, counts }) : renderCounts(counts));
  if (counts.fail > 0) throw new AlreadyReported();
}
