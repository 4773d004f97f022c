import type { ListenAddress } from '../config/listen-address.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import { type HttpEndpoints, type HttpEndpointsOptions, startHttpEndpoints } from './http-endpoints.ts';
import type { ProcessFacts } from './process-messages.ts';
import { version } from './version.ts';

/** Where calls are taken; undefined: not there. */
export interface Bound {
  /** `host:port` */
  readonly tcp: string | undefined;
  /** Path of a Unix socket. */
  readonly unix: string | undefined;
}

export interface RunningSidecar {
  readonly bound: Bound;
  /** `host:port` of the health and metrics endpoints. */
  readonly http: string | undefined;
  /**
   * Refuses new calls, lets running ones finish within the configured time, zeroes all keys, closes everything.
   * @throws {Error} where a part of it could not
   */
  stop(): Promise<void>;
}

/** Starts the health and metrics endpoints where there is an address for them. */
export async function startHttp(
  address: ListenAddress | undefined,
  options: Omit<HttpEndpointsOptions, 'host' | 'port'>,
): Promise<{ endpoints: HttpEndpoints; address: string } | undefined> {
  if (address === undefined) return undefined;
  const endpoints = await startHttpEndpoints({ ...address, ...options });
  return { endpoints, address: hostPort({ ...address, port: endpoints.port }) };
}

/** The line that says the daemon serves. */
export function logListening(
  logger: Logger,
  at: { bound: Bound; http: string | undefined },
  facts: ProcessFacts & LogFields,
): void {
  const { hasMetrics: _, ...shown } = facts;
  logger.log('info', 'listening', { ...at.bound, http: at.http, ...shown, version });
}

export function hostPort({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Stops the sidecar once, on the first of these signals; a second one ends the process at once. */
export function stopOnSignals(sidecar: Pick<RunningSidecar, 'stop'>, logger: Logger & { flushSync(): void }): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.log('info', 'stopping', { signal });
    let code = 0;
    try {
      await sidecar.stop();
    } catch (error) {
      logger.log('error', 'the shutdown failed', errorFields(error));
      code = 1;
    }
    logger.flushSync();
    process.exit(code);
  };
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
}
