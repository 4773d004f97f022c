import type { DaemonConfig } from '../config/daemon-config.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import { systemClock } from '../core/clock.ts';
import { Admission } from '../rpc/admission.ts';
import { Callers } from '../rpc/callers.ts';
import { drain } from '../rpc/drain.ts';
import { bindListeners, type ListenAddresses } from '../rpc/listen.ts';
import { buildServer } from '../rpc/server.ts';
import { TenantOutcomes } from '../rpc/tenant-outcomes.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { LogFields, Logger } from '../telemetry/logger.ts';
import { CallerTokens } from './caller-tokens.ts';
import { buildDataPlane, type DataPlane } from './data-plane.ts';
import { type HttpEndpoints, startHttpEndpoints } from './http-endpoints.ts';
import { startTelemetry } from './otel.ts';
import { loadTenantFiles } from './tenant-files.ts';
import { version } from './version.ts';

export interface RunningSidecar {
  readonly bound: Pick<ListenAddresses, 'tcp' | 'unix'>;
  /** `host:port` of the health and metrics endpoints. */
  readonly http: string | undefined;
  /** Refuses new calls, lets running ones finish within the configured time, zeroes all keys, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the data plane: needs its configuration and no network. Resolves when it listens.
 * @throws {ConfigurationError} with every fault of the tenants' files; {Error} naming an address or file that cannot be used
 */
export async function startSidecar(config: DaemonConfig, logger: Logger): Promise<RunningSidecar> {
  const clock = systemClock();
  const telemetry = await startTelemetry(process.env, {
    logger,
    clock,
    version,
    metricsTenants: config.telemetry.maxTenantLabels,
    metricsShowTenants: config.telemetry.metricsShowTenants,
  });
  const plane = buildDataPlane(config, clock, telemetry.telemetry.metrics);
  const tenantFiles = await loadTenantFiles({
    path: config.tenantsPath,
    rescanIntervalMs: config.reload.intervalMs,
    directory: plane.tenants,
    logger,
    metrics: telemetry.telemetry.metrics,
  });
  const callers = new Callers(config.callers.length === 0);
  const tokens = new CallerTokens(config.callers, callers, logger);
  await tokens.start();
  const admission = new Admission(config.limits);
  const { server, health } = buildServer({
    service: plane,
    admission,
    callers,
    outcomes: new TenantOutcomes(),
    telemetry: telemetry.telemetry,
    logger,
    limits: config.limits,
    defaultDeadlineMs: config.limits.defaultDeadlineMs,
    maxMessageBytes: config.limits.maxMessageBytes,
    hasReflection: config.isReflectionOn,
    isTenant: (id) => plane.tenants.has(id),
  });
  const bound = await bindListeners(server, {
    tcp: config.listen.tcp && hostPort(config.listen.tcp),
    unix: config.listen.unixPath,
    tls: config.listen.tls,
  });
  const http = await startHttp(config.listen.http, () => !admission.isDraining, telemetry.metricsHandler);
  logger.log('info', 'listening', {
    tcp: bound.tcp,
    unix: bound.unix,
    http: http?.address,
    ...described(plane),
    version,
  });
  return {
    bound,
    http: http?.address,
    async stop() {
      tokens.stop();
      await drain({ server, admission, health, timeoutMs: config.drain.timeoutMs, logger });
      await Promise.all([tenantFiles.close(), http?.endpoints.close(), plane.close()]);
      await telemetry.shutdown();
      logger.log('info', 'stopped');
    },
  };
}

function described({ tenants, cipher, cipherInstead }: DataPlane): LogFields {
  return { tenants: tenants.size, cipher: cipher.name, cipherInstead };
}

async function startHttp(
  address: ListenAddress | undefined,
  isReady: () => boolean,
  metricsHandler: Parameters<typeof startHttpEndpoints>[0]['metricsHandler'],
): Promise<{ endpoints: HttpEndpoints; address: string } | undefined> {
  if (address === undefined) return undefined;
  const endpoints = await startHttpEndpoints({ ...address, isReady, metricsHandler });
  return { endpoints, address: hostPort({ ...address, port: endpoints.port }) };
}

function hostPort({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Stops the sidecar once, on the first of these signals; a second one ends the process at once. */
export function stopOnSignals(sidecar: RunningSidecar, logger: Logger & { flushSync(): void }): void {
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
