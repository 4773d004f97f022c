import { readFileSync } from 'node:fs';
import type { SidecarOptions } from '../cli/program.ts';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { readDaemonConfig } from '../config/read-daemon-config.ts';
import type { Reader } from '../config/tenants-messages.ts';
import { JsonLogger } from '../telemetry/json-logger.ts';
import { stdoutSink } from '../telemetry/log-sink.ts';
import type { Logger } from '../telemetry/logger.ts';
import { mintTokens } from './minted-tokens.ts';
import { withOverrides } from './overrides.ts';
import { dieInWords, keepInspectorShut } from './process-guards.ts';
import { greeting, prepareQuickstart } from './quickstart.ts';
import { ReaderProcess } from './reader-process.ts';
import { type RunningSidecar, stopOnSignals } from './running-sidecar.ts';

/**
 * Runs the sidecar until a signal ends the process. Resolves when it listens.
 * @throws {ConfigurationError} with every fault of the configuration; {Error} naming what cannot be used
 */
export async function runSidecar(options: SidecarOptions): Promise<void> {
  // First of all: it starts while this process loads what serves.
  const reader = new ReaderProcess();
  try {
    await runWith(reader, options);
  } catch (error) {
    await reader.end();
    throw error;
  }
}

async function runWith(reader: Reader, options: SidecarOptions): Promise<void> {
  const quickstart = options.config === undefined ? await prepareQuickstart(options.stateDirectory) : undefined;
  const file = options.config ?? (quickstart?.file as string);
  const [read] = await Promise.all([readDaemonConfig(reader, file, options.mintCaller), preload(file)]);
  const config = withOverrides(read, options);
  const logger = new JsonLogger({ sink: stdoutSink(), level: config.log.level });
  keepInspectorShut();
  const fail = dieInWords(logger);
  mintTokens(config.callers, logger);
  const sidecar = await start({ config, logger, reader, fail });
  stopOnSignals(sidecar, logger);
  if (quickstart !== undefined && sidecar.bound.tcp !== undefined) {
    logger.flushSync();
    process.stdout.write(`\n${greeting({ tcp: sidecar.bound.tcp, http: sidecar.http, ...quickstart })}\n`);
  }
}

/** A file that names no number of processes asks for one: what that will load need not wait for the file to be read and checked. */
async function preload(file: string): Promise<void> {
  if (mentionsProcesses(file)) return;
  const { preloadServing } = await import('./preload.ts');
  await preloadServing(process.env);
}

function mentionsProcesses(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes('processes');
  } catch {
    // The reader says what is wrong with the file.
    return true;
  }
}

interface StartParts {
  readonly config: DaemonConfig;
  readonly logger: Logger;
  readonly reader: Reader;
  readonly fail: (error: Error) => void;
}

/** As this process, or as one above several: neither loads what only the other needs. */
async function start({ config, logger, reader, fail }: StartParts): Promise<RunningSidecar> {
  if (config.processes > 1) {
    const [{ startProcesses }] = await Promise.all([import('./processes.ts'), reader.end()]);
    return startProcesses({ config, logger, fail });
  }
  const { startSidecar } = await import('./sidecar.ts');
  return startSidecar(config, logger, reader);
}
