import { type DaemonConfig, loadDaemonConfig } from '../config/daemon-config.ts';
import { isLoopback, type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { JsonLogger } from '../telemetry/json-logger.ts';
import { stdoutSink } from '../telemetry/log-sink.ts';
import { greeting, prepareQuickstart } from './quickstart.ts';
import { startSidecar, stopOnSignals } from './sidecar.ts';

/** What the command line says; what it leaves out comes from the configuration file. */
export interface SidecarOptions {
  /** Undefined: the embedded default in `stateDirectory`. */
  readonly config: string | undefined;
  readonly stateDirectory: string;
  readonly tcp: string | undefined;
  readonly http: string | undefined;
  readonly unix: string | undefined;
}

/**
 * Runs the sidecar until a signal ends the process. Resolves when it listens.
 * @throws {ConfigurationError} with every fault of the configuration; {Error} naming what cannot be used
 */
export async function runSidecar(options: SidecarOptions): Promise<void> {
  const quickstart = options.config === undefined ? await prepareQuickstart(options.stateDirectory) : undefined;
  const file = options.config ?? (quickstart?.file as string);
  const config = withOverrides(loadDaemonConfig(file), options);
  const logger = new JsonLogger({ sink: stdoutSink(), level: config.log.level });
  keepInspectorShut();
  dieInWords(logger);
  const sidecar = await startSidecar(config, logger);
  stopOnSignals(sidecar, logger);
  if (quickstart !== undefined && sidecar.bound.tcp !== undefined) {
    logger.flushSync();
    process.stdout.write(`\n${greeting({ tcp: sidecar.bound.tcp, http: sidecar.http, ...quickstart })}\n`);
  }
}

/** Node would open its inspector on this signal, and with it all memory, to whoever may send it. */
function keepInspectorShut(): void {
  process.on('SIGUSR1', () => undefined);
}

/** A fault that nobody caught ends the process, as it should; its log line takes the place of a stack on standard error. */
function dieInWords(logger: JsonLogger): void {
  process.on('uncaughtException', (error) => {
    logger.log('error', 'the daemon failed and ends', errorFields(error));
    logger.flushSync();
    process.exit(1);
  });
}

function withOverrides(config: DaemonConfig, { tcp, http, unix }: SidecarOptions): DaemonConfig {
  const listen = {
    ...config.listen,
    ...(tcp === undefined ? {} : { tcp: address('--tcp', tcp) }),
    ...(http === undefined ? {} : { http: address('--http', http) }),
    ...(unix === undefined ? {} : { unixPath: unix }),
  };
  if (listen.tcp !== undefined && !isLoopback(listen.tcp) && listen.tls === undefined) {
    throw new Error(`--tcp ${tcp} can be reached from outside: configure listen.tls, or listen on loopback`);
  }
  return { ...config, listen };
}

function address(option: string, text: string): ListenAddress {
  const parsed = parseListenAddress(text);
  if (parsed === undefined) throw new Error(`${option} ${JSON.stringify(text)} is not host:port`);
  return parsed;
}
