import { mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { parseDaemonConfig } from '../../src/config/daemon-config.ts';
import { systemClock } from '../../src/core/clock.ts';
import { buildDataPlane } from '../../src/main/data-plane.ts';
import { prepareQuickstart } from '../../src/main/quickstart.ts';
import { loadTenantFiles } from '../../src/main/tenant-files.ts';
import { Admission } from '../../src/rpc/admission.ts';
import { Callers } from '../../src/rpc/callers.ts';
import { buildServer } from '../../src/rpc/server.ts';
import { TenantOutcomes } from '../../src/rpc/tenant-outcomes.ts';
import { JsonLogger } from '../../src/telemetry/json-logger.ts';
import { fileDescriptorSink } from '../../src/telemetry/log-sink.ts';
import { NO_TELEMETRY, type Telemetry } from '../../src/telemetry/telemetry.ts';

/**
 * The daemon as `main` builds it, on software keys, with two methods beside its own: an empty unary call, against which the others are
 * measured on the same server, and one that tells how calls ended. Prints its port and serves until its standard input ends.
 */
const directory = mkdtempSync(join(tmpdir(), 'keyside-bench-'));
const { file } = await prepareQuickstart(directory);
const config = parseDaemonConfig('listen: { tcp: "127.0.0.1:0", http: "off" }\ntenants: tenants.yaml\n', file);

const outcomes = new Map<string, number>();
const telemetry: Telemetry = {
  ...NO_TELEMETRY,
  metrics: {
    ...NO_TELEMETRY.metrics,
    requestEnded: ({ outcome }) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
  },
};
const logger = new JsonLogger({ sink: fileDescriptorSink(openSync('/dev/null', 'w')), level: config.log.level });
const plane = buildDataPlane(config, systemClock(), telemetry.metrics);
await loadTenantFiles({
  path: config.tenantsPath,
  rescanIntervalMs: config.reload.intervalMs,
  directory: plane.tenants,
  logger,
  metrics: telemetry.metrics,
});
const { server } = buildServer({
  service: plane,
  admission: new Admission(config.limits),
  callers: new Callers(true),
  outcomes: new TenantOutcomes(),
  telemetry,
  logger,
  limits: config.limits,
  defaultDeadlineMs: config.limits.defaultDeadlineMs,
  maxMessageBytes: config.limits.maxMessageBytes,
  hasReflection: false,
  isTenant: (id) => plane.tenants.has(id),
});
addBenchService(server);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();

function addBenchService(target: Server): void {
  const raw = (name: string) => ({
    path: `/keyside.bench.Bench/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  });
  const empty = Buffer.alloc(0);
  target.addService({ empty: raw('Empty'), outcomes: raw('Outcomes') } as ServiceDefinition, {
    empty: (_call: unknown, callback: (error: null, response: Buffer) => void) => callback(null, empty),
    outcomes: (_call: unknown, callback: (error: null, response: Buffer) => void) => {
      const counts = JSON.stringify(Object.fromEntries(outcomes));
      outcomes.clear();
      callback(null, Buffer.from(counts));
    },
  });
}
