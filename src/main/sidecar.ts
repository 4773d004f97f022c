import type { DaemonConfig } from '../config/daemon-config.ts';
import type { Reader } from '../config/tenants-messages.ts';
import { systemClock } from '../core/clock.ts';
import type { KeyRing, Revoked } from '../keys/key-ring.ts';
import { Admission } from '../rpc/admission.ts';
import { Callers } from '../rpc/callers.ts';
import { drain } from '../rpc/drain.ts';
import { bindListeners, type HandedConnections, type ListenAddresses, serveHanded } from '../rpc/listen.ts';
import { buildServer } from '../rpc/server.ts';
import { TenantOutcomes } from '../rpc/tenant-outcomes.ts';
import type { Peers } from '../service/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import { startAudit } from './audit.ts';
import { CallerTokens } from './caller-tokens.ts';
import { buildDataPlane, type DataPlane } from './data-plane.ts';
import { type StartedTelemetry, startTelemetry } from './otel.ts';
import { prometheusHandler } from './otel-prometheus.ts';
import type { ProcessFacts } from './process-messages.ts';
import { type Bound, hostPort, logListening, type RunningSidecar, startHttp } from './running-sidecar.ts';
import { loadTenantFiles } from './tenant-files.ts';
import { version } from './version.ts';

/** One process of several, as what serves in it sees the others. */
export interface ProcessOfSeveral {
  /** From 1. */
  readonly number: number;
  readonly peers: Peers;
  readonly tellRevoked: (revoked: Revoked) => void;
}

/** Everything that serves calls, without its way to the network. */
export interface Serving {
  readonly facts: ProcessFacts;
  /** What makes data keys go. */
  readonly ring: Pick<KeyRing, 'dropTenant' | 'dropRevoked'>;
  readonly isDraining: boolean;
  /** Absent where metrics for Prometheus are off. */
  readonly collectMetrics: (() => Promise<string>) | undefined;
  /** Listens as configured. @throws {Error} naming the address or file that cannot be used */
  listen(): Promise<Bound>;
  /** Serves connections that somebody else accepts. @throws {Error} where a file of TLS cannot be used */
  serveHanded(): Pick<HandedConnections, 'take'>;
  /** Refuses new calls, lets running ones finish within the configured time and closes their connections. */
  drain(): Promise<void>;
  /** Afterwards: zeroes all keys and closes everything. */
  close(): Promise<void>;
}

export interface ServingPlace {
  /** What this process is to the others, where the daemon is several. */
  readonly several?: ProcessOfSeveral;
  /** Reads the tenants' files first. */
  readonly reader?: Reader;
}

/**
 * Builds the data plane and its server, not yet listening: needs its configuration and no network.
 * @throws {ConfigurationError} with every fault of the tenants' files; {Error} naming a file that cannot be used
 */
export async function startServing(config: DaemonConfig, logger: Logger, { several, reader }: ServingPlace): Promise<Serving> {
  const { telemetry, collectMetrics, shutdown } = await startOwnTelemetry(config, logger, several?.number);
  const { metrics } = telemetry;
  const audit = await startAudit({ config, processNumber: several?.number ?? 1, logger, metrics });
  const plane = buildDataPlane(config, { clock: systemClock(), metrics, watch: audit.watch });
  if (several !== undefined) plane.ring.onRevoked(several.tellRevoked);
  const tenantFiles = await loadTenantFiles({
    path: config.tenantsPath,
    rescanIntervalMs: config.reload.intervalMs,
    directory: plane.tenants,
    keys: plane.keys,
    reader,
    logger,
    metrics,
    onRejected: () => audit.configurationRejected(),
  });
  const callers = new Callers(config.callers.length === 0);
  const tokens = new CallerTokens(config.callers, callers, logger);
  await tokens.start();
  await audit.follow(plane.tenants);
  const admission = new Admission(config.limits);
  const { server, health } = buildServer({
    service: { ...plane, peers: several?.peers },
    audit: audit.trail,
    admission,
    callers,
    outcomes: new TenantOutcomes(),
    telemetry,
    logger,
    ...config.limits,
    limits: config.limits,
    hasReflection: config.isReflectionOn,
    isTenant: (id) => plane.tenants.has(id),
  });
  let handed: HandedConnections | undefined;
  return {
    ring: plane.ring,
    facts: described(plane, collectMetrics !== undefined),
    get isDraining() {
      return admission.isDraining;
    },
    collectMetrics,
    listen: () => bindListeners(server, addressesOf(config), config.limits),
    serveHanded() {
      handed = serveHanded(server, config.listen.tls, config.limits);
      return handed;
    },
    async drain() {
      tokens.stop();
      audit.drainBegan(admission.calls);
      await drain({ server, admission, health, handed, timeoutMs: config.drain.timeoutMs, logger });
    },
    async close() {
      await Promise.all([tenantFiles.close(), plane.close()]);
      await audit.close();
      await shutdown();
    },
  };
}

function startOwnTelemetry(config: DaemonConfig, logger: Logger, number: number | undefined): Promise<StartedTelemetry> {
  return startTelemetry(process.env, {
    logger,
    clock: systemClock(),
    version,
    process: number,
    metricsTenants: config.telemetry.maxTenantLabels,
    metricsShowTenants: config.telemetry.metricsShowTenants,
  });
}

function addressesOf({ listen: { tcp, unixPath, tls } }: DaemonConfig): ListenAddresses {
  return { tcp: tcp && hostPort(tcp), unix: unixPath, tls };
}

function described({ tenants, cipher, cipherInstead }: DataPlane, hasMetrics: boolean): ProcessFacts {
  return { tenants: tenants.size, cipher: cipher.name, cipherInstead, hasMetrics };
}

/**
 * Starts the daemon in this process. Resolves when it listens.
 * @throws as `startServing`; {Error} naming an address that cannot be used
 */
export async function startSidecar(config: DaemonConfig, logger: Logger, reader: Reader): Promise<RunningSidecar> {
  const serving = await startServing(config, logger, { reader });
  const { facts, collectMetrics } = serving;
  const bound = await serving.listen();
  const http = await startHttp(config.listen.http, {
    isReady: () => !serving.isDraining,
    metricsHandler: collectMetrics && prometheusHandler({ collect: collectMetrics, logger }),
  });
  logListening(logger, { bound, http: http?.address }, facts);
  return {
    bound,
    http: http?.address,
    async stop() {
      await serving.drain();
      await Promise.all([http?.endpoints.close(), serving.close()]);
      logger.log('info', 'stopped');
    },
  };
}
