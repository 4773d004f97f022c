import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode, setGlobalErrorHandler } from '@opentelemetry/core';
import type { Clock } from '../core/clock.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger, LogLevel } from '../telemetry/logger.ts';
import type { DiagnosticLevel } from './otel-variables.ts';

const REPEAT_AFTER_MS = 60_000;
const MAX_KNOWN_TEXTS = 64;

const LEVELS = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
} as const satisfies Record<DiagnosticLevel, DiagLogLevel>;

export interface DiagnosticsOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly level: DiagnosticLevel;
}

/**
 * Sends what OpenTelemetry's SDK says of itself to the daemon's log: each text, its numbers aside, at most once a minute, and never
 * the objects beside it, which may hold anything. Failed exports are not repeated here: an `ExportWatch` tells of them.
 */
export function logDiagnostics(options: DiagnosticsOptions): void {
  diag.setLogger(diagLogger(options), { logLevel: LEVELS[options.level], suppressOverrideMessage: true });
  setGlobalErrorHandler((error) => {
    options.logger.log('debug', 'opentelemetry reported an error', { ...errorFields(error), reason: undefined });
  });
}

function diagLogger({ logger, clock }: DiagnosticsOptions): DiagLogger {
  const saidAtMs = new Map<string, number>();
  const say =
    (level: LogLevel) =>
    (...parts: unknown[]): void => {
      const text = parts.filter((part) => typeof part === 'string').join(': ');
      const key = text.replace(/\d+/g, '#');
      const nowMs = clock.nowMs();
      if (nowMs - (saidAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
      if (saidAtMs.size >= MAX_KNOWN_TEXTS) saidAtMs.clear();
      saidAtMs.set(key, nowMs);
      logger.log(level, 'opentelemetry', { text: text.slice(0, 300) });
    };
  return { error: say('warn'), warn: say('warn'), info: say('info'), debug: say('debug'), verbose: say('debug') };
}

/** Logs when exporting begins to fail and when it works again: once each, however often it is tried in between. */
export class ExportWatch {
  readonly #signal: 'traces' | 'metrics';
  readonly #logger: Logger;
  #failures = 0;

  constructor(signal: 'traces' | 'metrics', logger: Logger) {
    this.#signal = signal;
    this.#logger = logger;
  }

  /** The exporter's own `export`, watched. An exporter that throws fails the export and nothing else. */
  watch<Items>(
    items: Items,
    send: (items: Items, done: (result: ExportResult) => void) => void,
    done: (result: ExportResult) => void,
  ): void {
    const settled = (result: ExportResult): void => {
      this.#settled(result);
      done(result);
    };
    try {
      send(items, settled);
    } catch (error) {
      settled({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error('the exporter threw') });
    }
  }

  #settled({ code, error }: ExportResult): void {
    const signal = this.#signal;
    if (code !== ExportResultCode.SUCCESS) {
      if (this.#failures === 0)
        this.#logger.log('warn', 'telemetry cannot be exported', { signal, ...errorFields(error), reason: undefined });
      this.#failures += 1;
    } else if (this.#failures > 0) {
      this.#logger.log('info', 'telemetry is exported again', { signal, failures: this.#failures });
      this.#failures = 0;
    }
  }
}
