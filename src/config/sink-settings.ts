import type * as z from 'zod';
import { cloudwatchLogsSinkSchema } from '../audit/sinks/cloudwatch-logs/config.ts';
import { fileSinkSchema } from '../audit/sinks/file/config.ts';
import { otlpSinkSchema } from '../audit/sinks/otlp/config.ts';
import { s3SinkSchema } from '../audit/sinks/s3/config.ts';
import { splunkHecSinkSchema } from '../audit/sinks/splunk-hec/config.ts';
import { stdoutSinkSchema } from '../audit/sinks/stdout/config.ts';
import { syslogSinkSchema } from '../audit/sinks/syslog/config.ts';
import { webhookSinkSchema } from '../audit/sinks/webhook/config.ts';
import { type PathField, pathFieldsOf } from './path-fields.ts';

/** The schema of each kind of sink's settings; in a file they stand in a block named like the kind. */
export const SINK_SETTINGS = {
  'splunk-hec': splunkHecSinkSchema,
  'cloudwatch-logs': cloudwatchLogsSinkSchema,
  otlp: otlpSinkSchema,
  syslog: syslogSinkSchema,
  s3: s3SinkSchema,
  webhook: webhookSinkSchema,
  file: fileSinkSchema,
  stdout: stdoutSinkSchema,
} as const;

/** The kinds that a sink may name. */
export type ConfiguredSinkKind = keyof typeof SINK_SETTINGS;

export const CONFIGURED_SINK_KINDS = Object.keys(SINK_SETTINGS) as ConfiguredSinkKind[];

type Settings = typeof SINK_SETTINGS;

/** Which of a kind's settings are paths of files. */
export const SINK_PATHS = eachKind((schema) => pathFieldsOf(schema)) as Readonly<
  Record<ConfiguredSinkKind, readonly PathField[]>
>;

/** The blocks of a sink's entry, one a kind, each named like it. */
export const SINK_BLOCKS = eachKind((schema) => schema.optional().meta({ description: schema.meta()?.description })) as {
  readonly [Kind in ConfiguredSinkKind]: z.ZodOptional<Settings[Kind]>;
};

/** Whether a sink of this kind needs its block: false where no setting must be given. */
export function needsSettings(kind: ConfiguredSinkKind): boolean {
  return !SINK_SETTINGS[kind].safeParse({}).success;
}

function eachKind(make: (schema: Settings[ConfiguredSinkKind]) => unknown): unknown {
  return Object.fromEntries(CONFIGURED_SINK_KINDS.map((kind) => [kind, make(SINK_SETTINGS[kind])]));
}
