import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { AuditMode } from '../../src/audit/trail.ts';
import { nodeCipher } from '../../src/cipher/node-cipher.ts';
import { parseDaemonConfig } from '../../src/config/daemon-config.ts';
import { systemClock } from '../../src/core/clock.ts';
import { parseTenantId } from '../../src/core/ids.ts';
import { buildDataPlane, type DataPlane } from '../../src/main/data-plane.ts';
import { startTelemetry } from '../../src/main/otel.ts';
import { prepareQuickstart } from '../../src/main/quickstart.ts';
import { loadTenantFiles } from '../../src/main/tenant-files.ts';
import { Admission } from '../../src/rpc/admission.ts';
import { Callers } from '../../src/rpc/callers.ts';
import { buildServer } from '../../src/rpc/server.ts';
import { TenantOutcomes } from '../../src/rpc/tenant-outcomes.ts';
import { JsonLogger } from '../../src/telemetry/json-logger.ts';
import { fileDescriptorSink } from '../../src/telemetry/log-sink.ts';
import { NO_TELEMETRY, type Telemetry } from '../../src/telemetry/telemetry.ts';
import { benchTrail } from './audit-trail.ts';
import { echoService, emptyService } from './peers.ts';

/** What a benchmark may vary. */
export interface ServerOptions {
  /** Without the native cipher. */
  readonly isPure?: boolean;
  /** So many more tenants, `tenant-0` and on, that are as `acme` but for their id. */
  readonly moreTenants?: number;
  /** Default `off`. */
  readonly audit?: AuditMode;
}

/**
 * The daemon as `main` builds it, on software keys, with methods beside its own (peers.ts): an empty unary call, against which others
 * are measured on the same server, and one that tells how calls ended. A server without interceptors echoes on a second port. Prints
 * both ports and serves until its standard input ends. Traces follow OpenTelemetry's variables, as in the daemon.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as ServerOptions;
const directory = mkdtempSync(join(tmpdir(), 'keyside-bench-'));
const { file } = await prepareQuickstart(directory);
const settings =
  'listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\ncache: { maxEntries: 20000 }\nlimits: { maxDocumentBytes: 8MiB, maxMessageBytes: 16MiB }\n';
const config = parseDaemonConfig(settings, file);
const logger = new JsonLogger({ sink: fileDescriptorSink(openSync('/dev/null', 'w')), level: config.log.level });

const outcomes = new Map<string, number>();
const started = await startTelemetry(process.env, { logger, clock: systemClock(), version: 'bench' });
const telemetry: Telemetry = {
  startRequest:
    started.telemetry === NO_TELEMETRY ? NO_TELEMETRY.startRequest : (...about) => started.telemetry.startRequest(...about),
  metrics: {
    ...NO_TELEMETRY.metrics,
    requestEnded: ({ outcome }) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
  },
};
const built = buildDataPlane(config, { clock: systemClock(), metrics: telemetry.metrics, watch: undefined });
const plane: DataPlane = options.isPure ? { ...built, cipher: nodeCipher() } : built;
if (!options.isPure && plane.cipherInstead !== undefined) process.stderr.write(`no native cipher: ${plane.cipherInstead}\n`);
await loadTenantFiles({
  path: config.tenantsPath,
  rescanIntervalMs: config.reload.intervalMs,
  directory: plane.tenants,
  keys: plane.keys,
  logger,
  metrics: telemetry.metrics,
});
addTenants(options.moreTenants ?? 0);
const { server } = buildServer({
  service: plane,
  audit: await benchTrail(options.audit ?? 'off', { config: config.audit, directory: join(directory, 'audit'), logger }),
  admission: new Admission(config.limits),
  callers: new Callers(true),
  outcomes: new TenantOutcomes(),
  telemetry,
  logger,
  limits: config.limits,
  defaultDeadlineMs: config.limits.defaultDeadlineMs,
  maxStreamAgeMs: config.limits.maxStreamAgeMs,
  maxMessageBytes: config.limits.maxMessageBytes,
  hasReflection: false,
  isTenant: (id) => plane.tenants.has(id),
});
server.addService(...emptyService(outcomes));
const echo = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
echo.addService(...echoService());
const [port, echoPort] = [await bind(server), await bind(echo)];
process.stdout.write(`${JSON.stringify({ port, echoPort, cipher: plane.cipher.name })}\n`);
process.stdin
  .on('end', () => {
    rmSync(directory, { recursive: true, force: true });
    process.exit(0);
  })
  .resume();

function addTenants(count: number): void {
  const { generation: _generation, servedFrom: _servedFrom, ...content } = plane.tenants.get(parseTenantId('acme'));
  const defaultPolicy = { ...content.defaultPolicy, leaseTtlMs: 900_000 };
  const changed = Array.from({ length: count }, (_, at) => ({ ...content, defaultPolicy, id: parseTenantId(`tenant-${at}`) }));
  plane.tenants.apply({ changed, removed: [] });
}

function bind(target: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    target.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}
