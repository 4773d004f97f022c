import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { diag } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { ExportWatch, logDiagnostics } from '../../../src/main/otel-diagnostics.ts';
import type { LogFields, Logger, LogLevel } from '../../../src/telemetry/logger.ts';
import { FakeClock } from './fake-clock.ts';

class MemoryLogger implements Logger {
  readonly lines: { level: LogLevel; message: string; fields: LogFields | undefined }[] = [];

  log(level: LogLevel, message: string, fields?: LogFields): void {
    this.lines.push({ level, message, fields });
  }
}

afterEach(() => diag.disable());

function diagnostics() {
  const logger = new MemoryLogger();
  const clock = new FakeClock();
  logDiagnostics({ logger, clock, level: 'warn' });
  return { logger, clock };
}

test('what the SDK says is logged with its component, without the objects beside it', () => {
  const { logger } = diagnostics();
  diag.createComponentLogger({ namespace: 'Exporter' }).error('it failed', { secret: 'hunter2' });
  assert.deepEqual(logger.lines, [{ level: 'warn', message: 'opentelemetry', fields: { text: 'Exporter: it failed' } }]);
});

test('what is below the level is not logged', () => {
  const { logger } = diagnostics();
  diag.info('chatter');
  diag.debug('chatter');
  assert.deepEqual(logger.lines, []);
});

test('a text is logged once a minute, whatever its numbers', () => {
  const { logger, clock } = diagnostics();
  for (let count = 1; count <= 50; count += 1) diag.warn(`Dropped ${count} spans`);
  assert.equal(logger.lines.length, 1);
  clock.advance(60_000);
  diag.warn('Dropped 51 spans');
  assert.equal(logger.lines.length, 2);
});

const ok: ExportResult = { code: ExportResultCode.SUCCESS };
const failed: ExportResult = { code: ExportResultCode.FAILED, error: new Error('connect ECONNREFUSED') };

test('failing exports are logged once when they begin to fail and once when they work again', () => {
  const logger = new MemoryLogger();
  const watch = new ExportWatch('traces', logger);
  const results: ExportResult[] = [];
  for (const result of [ok, failed, failed, failed, ok, ok, failed]) {
    watch.watch(
      'spans',
      (_spans, settled) => settled(result),
      (seen) => results.push(seen),
    );
  }
  assert.equal(results.length, 7);
  assert.deepEqual(
    logger.lines.map(({ level, message, fields }) => [level, message, fields?.signal, fields?.error ?? fields?.failures]),
    [
      ['warn', 'telemetry cannot be exported', 'traces', 'connect ECONNREFUSED'],
      ['info', 'telemetry is exported again', 'traces', 3],
      ['warn', 'telemetry cannot be exported', 'traces', 'connect ECONNREFUSED'],
    ],
  );
});

test('an exporter that throws fails the export and nothing else', () => {
  const logger = new MemoryLogger();
  const results: ExportResult[] = [];
  const throwing = (): never => {
    throw new Error('no socket');
  };
  new ExportWatch('metrics', logger).watch('metrics', throwing, (result) => results.push(result));
  assert.equal(results[0]?.code, ExportResultCode.FAILED);
  assert.equal(logger.lines[0]?.fields?.error, 'no socket');
});
