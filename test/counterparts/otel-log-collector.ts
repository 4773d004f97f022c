import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, isListening } from './harness.ts';
import { LOG_COLLECTOR } from './otel-collector.ts';

const START_MS = 20_000;

/** The body of a log as OTLP's JSON has it. */
interface WireValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly kvlistValue?: { readonly values?: readonly { readonly key: string; readonly value: WireValue }[] };
  readonly arrayValue?: { readonly values?: readonly WireValue[] };
}

interface WireAttribute {
  readonly key: string;
  readonly value: WireValue;
}

export interface CollectedLog {
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

/**
 * An OpenTelemetry Collector that takes logs over OTLP and as Splunk's HTTP Event Collector, acknowledging, and writes them into a file.
 * Precondition: `whyNoLogCollector` gave no reason.
 */
export class LogCollector {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keyside-otel-logs-'));
  #ports: { readonly otlp: number; readonly hec: number } | undefined;
  #child: ChildProcess | undefined;

  get otlpUrl(): string {
    return `http://127.0.0.1:${this.#ports?.otlp}/v1/logs`;
  }

  get hecUrl(): string {
    return `http://127.0.0.1:${this.#ports?.hec}`;
  }

  /** Starts it; again on the same ports after `stop`. */
  async start(): Promise<void> {
    this.#ports ??= { otlp: await freePort(), hec: await freePort() };
    const configuration = join(this.#folder, 'config.yaml');
    writeFileSync(configuration, this.#configuration(this.#ports));
    const child = spawn(LOG_COLLECTOR, ['--config', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr.on('data', (text) => {
      said = (said + text).slice(-4_000);
    });
    const endsAt = Date.now() + START_MS;
    while (!((await isListening(this.#ports.otlp)) && (await isListening(this.#ports.hec)))) {
      if (child.exitCode !== null || Date.now() > endsAt) throw new Error(`the Collector does not listen: ${said}`);
      await pause(50);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** What it wrote so far. */
  logs(): readonly CollectedLog[] {
    const file = join(this.#folder, 'logs.json');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => logsOf(JSON.parse(line)));
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** JSON is YAML. */
  #configuration({ otlp, hec }: { readonly otlp: number; readonly hec: number }): string {
    return JSON.stringify({
      extensions: { ack: {} },
      receivers: {
        otlp: { protocols: { http: { endpoint: `127.0.0.1:${otlp}` } } },
        splunk_hec: { endpoint: `127.0.0.1:${hec}`, ack: { extension: 'ack' } },
      },
      exporters: { file: { path: join(this.#folder, 'logs.json'), append: true, flush_interval: '100ms' } },
      service: {
        extensions: ['ack'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: { logs: { receivers: ['otlp', 'splunk_hec'], exporters: ['file'] } },
      },
    });
  }
}

interface WireExport {
  readonly resourceLogs?: readonly {
    readonly resource?: { readonly attributes?: readonly WireAttribute[] };
    readonly scopeLogs?: readonly {
      readonly logRecords?: readonly { readonly body?: WireValue; readonly attributes?: readonly WireAttribute[] }[];
    }[];
  }[];
}

function logsOf({ resourceLogs = [] }: WireExport): CollectedLog[] {
  return resourceLogs.flatMap(({ resource, scopeLogs = [] }) =>
    scopeLogs
      .flatMap(({ logRecords = [] }) => logRecords)
      .map(({ body = {}, attributes = [] }) => ({
        body: plainOf(body),
        attributes: attributesOf(attributes),
        resource: attributesOf(resource?.attributes ?? []),
      })),
  );
}

function attributesOf(attributes: readonly WireAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainOf(value)]));
}

function plainOf({ kvlistValue, arrayValue, ...plain }: WireValue): unknown {
  if (kvlistValue !== undefined) return attributesOf(kvlistValue.values ?? []);
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(plainOf);
  if (plain.intValue !== undefined) return Number(plain.intValue);
  return plain.stringValue ?? plain.doubleValue ?? plain.boolValue ?? '';
}
