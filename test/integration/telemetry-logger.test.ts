import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const LOGGER = new URL('../../src/telemetry/json-logger.ts', import.meta.url);
const SINK = new URL('../../src/telemetry/log-sink.ts', import.meta.url);

/** Runs a program that has a `logger` on its standard output and talks to us over IPC. */
function startProgram(body: string): ChildProcess {
  const program = `
    import { JsonLogger } from ${JSON.stringify(LOGGER.href)};
    import { stdoutSink } from ${JSON.stringify(SINK.href)};
    const logger = new JsonLogger({ sink: stdoutSink(), maxBufferBytes: 65536 });
    ${body}`;
  const arguments_ = ['--input-type=module', '--eval', program];
  return spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
}

const FLOOD = "for (let index = 0; index < 20_000; index += 1) logger.log('info', 'flood', { index });";

test('a pipe whose reader does not read neither stops the process nor fills its memory, and what was lost is told', async () => {
  const program = startProgram(`
    ${FLOOD}
    process.on('message', () => { logger.log('info', 'last'); logger.flushSync(); process.exit(0); });
    setImmediate(() => process.send('alive'));`);
  await once(program, 'message');
  program.send('go on');
  assert.ok(program.stdout);
  const [output] = await Promise.all([text(program.stdout), once(program, 'close')]);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const written = lines.filter(({ message }) => message === 'flood').length;
  const lost = lines.filter(({ message }) => message === 'log lines were dropped').reduce((sum, line) => sum + line.lines, 0);
  const last = lines.filter(({ message }) => message === 'last').length;
  assert.ok(lost > 0);
  assert.equal(written + last + lost, 20_001);
});

test('a pipe whose reader is gone does not end the process', async () => {
  const program = startProgram(`
    process.on('message', () => {
      ${FLOOD}
      logger.flushSync();
      process.send('alive', () => process.exit(0));
    });
    process.send('ready');`);
  await once(program, 'message');
  program.stdout?.destroy();
  program.send('go on');
  assert.deepEqual(await once(program, 'message'), ['alive', undefined]);
  const [code] = await once(program, 'close');
  assert.equal(code, 0);
});
