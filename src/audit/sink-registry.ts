import type { EventKind } from './event.ts';
import type { AuditSink } from './sink.ts';
import type { CloudwatchLogsSinkSettings } from './sinks/cloudwatch-logs/config.ts';
import type { FileSinkSettings } from './sinks/file/config.ts';
import type { OtlpSinkSettings } from './sinks/otlp/config.ts';
import type { S3SinkSettings } from './sinks/s3/config.ts';
import type { SplunkHecSinkSettings } from './sinks/splunk-hec/config.ts';
import type { StdoutSinkSettings } from './sinks/stdout/config.ts';
import type { SyslogSinkSettings } from './sinks/syslog/config.ts';
import type { WebhookSinkSettings } from './sinks/webhook/config.ts';

/** The settings of each kind of sink, under the name it has in the configuration. */
export interface SinkSettings {
  readonly 'splunk-hec': SplunkHecSinkSettings;
  readonly 'cloudwatch-logs': CloudwatchLogsSinkSettings;
  readonly otlp: OtlpSinkSettings;
  readonly syslog: SyslogSinkSettings;
  readonly s3: S3SinkSettings;
  readonly webhook: WebhookSinkSettings;
  readonly file: FileSinkSettings;
  readonly stdout: StdoutSinkSettings;
}

export type SinkKind = keyof SinkSettings;

/** A sink's kind with its settings. */
export type SinkChoice = {
  readonly [Kind in SinkKind]: { readonly kind: Kind; readonly settings: SinkSettings[Kind] };
}[SinkKind];

/** One sink of the configuration: plain data, which can be handed to another thread. */
export interface SinkConfig {
  /** Unique: `<name>` of a vendor-wide sink, `<tenant>/<name>` of a tenant's. */
  readonly id: string;
  /** Undefined: vendor-wide. */
  readonly tenantId: string | undefined;
  /** Undefined: all. */
  readonly events: readonly EventKind[] | undefined;
  readonly choice: SinkChoice;
}

/** What sinks need to know of where they run. */
export interface SinkSurroundings {
  /** The sidecar's id, for names that must be one sidecar's alone. */
  readonly sidecar: string;
}

/**
 * Makes a sink. What it needs of code, such as a vendor's SDK, is loaded with the first one of its kind.
 * @throws {Error} naming a file that cannot be read
 */
export async function openSink({ kind, settings }: SinkChoice, { sidecar }: SinkSurroundings): Promise<AuditSink> {
  switch (kind) {
    case 'splunk-hec': {
      const { SplunkHecSink } = await import('./sinks/splunk-hec/sink.ts');
      return new SplunkHecSink(settings);
    }
    case 'cloudwatch-logs': {
      const { CloudwatchLogsSink } = await import('./sinks/cloudwatch-logs/sink.ts');
      return CloudwatchLogsSink.open(settings, sidecar);
    }
    case 'otlp': {
      const { OtlpSink } = await import('./sinks/otlp/sink.ts');
      return OtlpSink.open(settings, sidecar);
    }
    case 's3': {
      const { S3Sink } = await import('./sinks/s3/sink.ts');
      return S3Sink.open(settings);
    }
    case 'syslog': {
      const { SyslogSink } = await import('./sinks/syslog/sink.ts');
      return new SyslogSink(settings);
    }
    case 'webhook': {
      const { WebhookSink } = await import('./sinks/webhook/sink.ts');
      return new WebhookSink(settings);
    }
    case 'file': {
      const { FileSink } = await import('./sinks/file/sink.ts');
      return new FileSink(settings);
    }
    case 'stdout': {
      const { StdoutSink } = await import('./sinks/stdout/sink.ts');
      return new StdoutSink(process.stdout);
    }
  }
}
