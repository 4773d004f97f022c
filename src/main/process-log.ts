import type { JsonLogger } from '../telemetry/json-logger.ts';
import type { LogSink } from '../telemetry/log-sink.ts';
import type { LogFields, Logger, LogLevel } from '../telemetry/logger.ts';

/** What a pipe takes as a whole or not at all: POSIX's least PIPE_BUF is 512, Linux has 4096 and macOS 512. */
const ATOMIC_BYTES = process.platform === 'linux' ? 4096 : 512;
const LINE_FEED = 0x0a;

/**
 * A sink that several processes write lines to: it takes as many whole lines at once as a pipe does not tear apart. A line that is
 * longer goes by itself.
 */
export function sharedSink(sink: LogSink): LogSink {
  return { write: (bytes) => sink.write(bytes.subarray(0, wholeLines(bytes))) };
}

function wholeLines(bytes: Uint8Array): number {
  if (bytes.length <= ATOMIC_BYTES) return bytes.length;
  const last = bytes.lastIndexOf(LINE_FEED, ATOMIC_BYTES - 1);
  const end = last === -1 ? bytes.indexOf(LINE_FEED) : last;
  return end === -1 ? bytes.length : end + 1;
}

/** A log whose every line says which process wrote it. */
export class ProcessLogger implements Logger {
  readonly #logger: JsonLogger;
  readonly #process: number;

  constructor(logger: JsonLogger, process: number) {
    this.#logger = logger;
    this.#process = process;
  }

  log(level: LogLevel, message: string, fields?: LogFields): void {
    this.#logger.log(level, message, { process: this.#process, ...fields });
  }

  flushSync(): void {
    this.#logger.flushSync();
  }
}
