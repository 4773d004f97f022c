/**
 * An OpenTelemetry Collector that takes OTLP and writes what it got into files: built from its own modules into `.tools/`, run on free
 * ports of the loopback, and stopped by its own process id.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const START_LIMIT_MS = 20_000;
const POLL_MS = 50;

const OWN = 'go.opentelemetry.io/collector';
const CONTRIBUTED = 'github.com/open-telemetry/opentelemetry-collector-contrib';

/** Which Collector is built: its version, that of its stable modules, which count apart, and what is in it. */
interface Build {
  readonly version: string;
  readonly stableVersion: string;
  readonly modules: Readonly<Record<string, readonly string[]>>;
}

const TRACES_AND_METRICS: Build = {
  version: '0.162.0',
  stableVersion: '1.68.0',
  modules: { receivers: [`${OWN}/receiver/otlpreceiver`], exporters: [`${CONTRIBUTED}/exporter/fileexporter`] },
};

/** The last version that the registries have with the receiver that speaks as Splunk does. */
const LOGS: Build = {
  version: '0.145.0',
  stableVersion: '1.51.0',
  modules: {
    receivers: [`${OWN}/receiver/otlpreceiver`, `${CONTRIBUTED}/receiver/splunkhecreceiver`],
    exporters: [`${CONTRIBUTED}/exporter/fileexporter`],
    extensions: [`${CONTRIBUTED}/extension/ackextension`],
  },
};

const run = promisify(execFile);

export interface Collector {
  readonly grpcEndpoint: string;
  readonly httpEndpoint: string;
  /** Stops it, so that all is written, and gives the requests it received as OTLP JSON, one for each export. */
  stop(): Promise<{ readonly traces: readonly unknown[]; readonly metrics: readonly unknown[] }>;
}

const BINARY = binaryOf(TRACES_AND_METRICS);
/** The program of a Collector that takes logs. */
export const LOG_COLLECTOR = binaryOf(LOGS);

/**
 * Why the Collector cannot be had here, in one line; undefined once it is built. The first build takes some minutes.
 * @throws with CI=true instead of giving a reason
 */
export function whyNoCollector(): Promise<string | undefined> {
  return whyNot(TRACES_AND_METRICS);
}

/** As `whyNoCollector`, of the one that takes logs. */
export function whyNoLogCollector(): Promise<string | undefined> {
  return whyNot(LOGS);
}

async function whyNot(wanted: Build): Promise<string | undefined> {
  try {
    if (!existsSync(binaryOf(wanted))) await build(wanted);
    return undefined;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    return `no OpenTelemetry Collector ${wanted.version}: ${line}`;
  }
}

function homeOf({ version }: Build): string {
  return fileURLToPath(new URL(`../../.tools/otel-collector-${version}/`, import.meta.url));
}

function binaryOf(wanted: Build): string {
  return join(homeOf(wanted), 'otelcol');
}

/**
 * The builder writes the sources; the modules are resolved by `go build` itself, which needs fewer than the builder's own
 * `go mod tidy`: none that only tests of other modules use.
 */
async function build(wanted: Build): Promise<void> {
  const work = join(homeOf(wanted), `build-${process.pid}`);
  const { version } = wanted;
  await mkdir(work, { recursive: true });
  try {
    const env = { ...process.env, GOBIN: work, GOFLAGS: '-buildvcs=false' };
    await run('go', ['install', `${OWN}/cmd/builder@v${version}`], { env });
    await writeFile(join(work, 'builder.yaml'), builderConfiguration(wanted, join(work, 'source')));
    await run(join(work, 'builder'), ['--config', join(work, 'builder.yaml'), '--skip-compilation', '--skip-get-modules'], {
      env,
    });
    await writeFile(join(work, 'source', 'go.mod'), goModule(wanted));
    const flags = ['-mod=mod', '-trimpath', '-ldflags=-s -w', '-o', join(work, 'otelcol')];
    await run('go', ['build', ...flags, '.'], { env, cwd: join(work, 'source'), maxBuffer: 1 << 26 });
    await rename(join(work, 'otelcol'), binaryOf(wanted));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function modulesOf({ version, stableVersion, modules }: Build): Readonly<Record<string, readonly string[]>> {
  const providers = ['env', 'file'].map((scheme) => `${OWN}/confmap/provider/${scheme}provider v${stableVersion}`);
  const versioned = Object.entries(modules).map(([kind, names]) => [kind, names.map((name) => `${name} v${version}`)]);
  return { ...Object.fromEntries(versioned), providers };
}

function builderConfiguration(wanted: Build, output: string): string {
  const parts = Object.entries(modulesOf(wanted)).map(([kind, modules]) => ({ [kind]: modules.map((gomod) => ({ gomod })) }));
  return JSON.stringify(Object.assign({ dist: { name: 'otelcol', output_path: output, version: wanted.version } }, ...parts));
}

function goModule(wanted: Build): string {
  const required = [`${OWN}/otelcol v${wanted.version}`, ...Object.values(modulesOf(wanted)).flat()];
  return `module keyside.dev/tools/otelcol\n\ngo 1.25.0\n\nrequire (\n${required.map((line) => `\t${line}\n`).join('')})\n`;
}

/**
 * Starts one that ends with the test at the latest.
 * Precondition: `whyNoCollector` gave no reason.
 */
export async function startCollector(t: { after(end: () => unknown): void }): Promise<Collector> {
  const directory = await mkdtemp(join(tmpdir(), 'keyside-otelcol-'));
  const [grpcPort, httpPort] = await freePorts();
  const configuration = join(directory, 'config.yaml');
  await writeFile(configuration, collectorConfiguration({ directory, grpcPort, httpPort }));
  const collector = spawn(BINARY, ['--config', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(collector, 'exit');
  const stop = async (): Promise<void> => {
    collector.kill('SIGTERM');
    await ended;
  };
  t.after(async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  await waitForPort(httpPort, collector, gather(collector));
  return {
    grpcEndpoint: `http://127.0.0.1:${grpcPort}`,
    httpEndpoint: `http://127.0.0.1:${httpPort}`,
    stop: async () => {
      await stop();
      return {
        traces: await readLines(join(directory, 'traces.json')),
        metrics: await readLines(join(directory, 'metrics.json')),
      };
    },
  };
}

interface CollectorPlace {
  readonly directory: string;
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** JSON is YAML. */
function collectorConfiguration({ directory, grpcPort, httpPort }: CollectorPlace): string {
  const protocols = { grpc: { endpoint: `127.0.0.1:${grpcPort}` }, http: { endpoint: `127.0.0.1:${httpPort}` } };
  return JSON.stringify({
    receivers: { otlp: { protocols } },
    exporters: {
      'file/traces': { path: join(directory, 'traces.json') },
      'file/metrics': { path: join(directory, 'metrics.json') },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['file/traces'] },
        metrics: { receivers: ['otlp'], exporters: ['file/metrics'] },
      },
    },
  });
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  for (const server of servers) server.close();
  return ports as unknown as readonly [number, number];
}

/** What the Collector said last, for the case that it does not start. */
function gather(collector: ChildProcess): () => string {
  let said = '';
  collector.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000);
  });
  return () => said;
}

async function waitForPort(port: number, collector: ChildProcess, said: () => string): Promise<void> {
  const endsMs = performance.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (collector.exitCode !== null || performance.now() > endsMs) throw new Error(`the Collector did not start: ${said()}`);
    await delay(POLL_MS);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function readLines(path: string): Promise<readonly unknown[]> {
  const content = await readFile(path, 'utf8');
  return content
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
