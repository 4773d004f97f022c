import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessLogger, sharedSink } from '../../../src/main/process-log.ts';
import { JsonLogger } from '../../../src/telemetry/json-logger.ts';

/** Takes at most `most` bytes at once, and remembers what it took. */
function recordingSink(most = Number.POSITIVE_INFINITY) {
  const written: string[] = [];
  const write = (bytes: Uint8Array): number => {
    const taken = Math.min(bytes.length, most);
    written.push(Buffer.from(bytes.subarray(0, taken)).toString());
    return taken;
  };
  return { written, sink: sharedSink({ write }) };
}

test('many lines go in pieces that a pipe takes whole, each of whole lines', () => {
  const { written, sink } = recordingSink();
  const logger = new JsonLogger({ sink });
  for (let line = 0; line < 400; line += 1) logger.log('info', 'a line', { line, text: 'ü'.repeat(line) });
  logger.flushSync();
  assert.ok(written.length > 10, `${written.length} pieces`);
  for (const piece of written) {
    assert.ok(Buffer.byteLength(piece) <= 4096, `${Buffer.byteLength(piece)} bytes`);
    assert.ok(piece.endsWith('}\n'));
  }
  const lines = written.join('').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).line),
    Array.from({ length: 400 }, (_, line) => line),
  );
});

test('a line longer than that goes by itself', () => {
  const { written, sink } = recordingSink();
  const long = `${'x'.repeat(10_000)}\n`;
  const bytes = Buffer.from(`${long}short\n`);
  const taken = sink.write(bytes);
  sink.write(bytes.subarray(taken));
  assert.deepEqual(written, [long, 'short\n']);
});

test('what is taken in part goes on where it was cut', () => {
  const { written, sink } = recordingSink(1_000);
  const logger = new JsonLogger({ sink });
  for (let line = 0; line < 100; line += 1) logger.log('info', 'a line', { line });
  logger.flushSync();
  assert.equal(written.join('').trimEnd().split('\n').length, 100);
});

test('every line says which process wrote it', () => {
  const { written, sink } = recordingSink();
  const logger = new ProcessLogger(new JsonLogger({ sink }), 7);
  logger.log('warn', 'something', { tenantId: 'acme' });
  logger.flushSync();
  const { process, tenantId, message, level } = JSON.parse(written.join(''));
  assert.deepEqual([process, tenantId, message, level], [7, 'acme', 'something', 'warn']);
});
