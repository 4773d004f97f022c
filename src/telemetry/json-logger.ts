import { Buffer } from 'node:buffer';
import { jsonLine } from './json-line.ts';
import type { LogSink } from './log-sink.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';

const FLUSH_BYTES = 16 * 1024;
const DEFAULT_MAX_BUFFER_BYTES = 1024 * 1024;
const RETRY_MS = 50;
const RETRY_BROKEN_MS = 1000;
const LAST_TRIES = 20;
const LAST_TRY_MS = 10;
const RANKS = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

export const LOG_LEVELS = Object.keys(RANKS) as readonly LogLevel[];

/** Runs something later; a test replaces it. */
export interface LogScheduler {
  /** At the end of this turn of the event loop. */
  soon(run: () => void): void;
  /** After this long; does not keep the process alive. */
  after(delayMs: number, run: () => void): void;
  /** Blocks the thread. */
  pause(delayMs: number): void;
}

export interface JsonLoggerOptions {
  readonly sink: LogSink;
  /** The lowest level written. Default info. */
  readonly level?: LogLevel;
  /** Lines beyond this many bytes waiting for the sink are dropped and counted. Default 1 MiB. */
  readonly maxBufferBytes?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly scheduler?: LogScheduler;
}

/**
 * Writes one JSON object a line. Lines are gathered and written together at the end of each turn of the event loop, or at once from
 * 16 KiB on. Where the sink takes nothing they wait, up to a bound. Beyond it, and where the sink is broken, lines are dropped, and
 * how many is logged when it takes lines again; a line the break cut in two ends with a line feed of its own. Nothing here throws.
 */
export class JsonLogger implements Logger {
  readonly #sink: LogSink;
  readonly #rank: number;
  readonly #maxBufferBytes: number;
  readonly #now: () => number;
  readonly #scheduler: LogScheduler;
  /** Lines not yet encoded, and their UTF-8 bytes. */
  #lines: string[] = [];
  #lineBytes = 0;
  /** What the sink has not taken of the lines encoded. */
  #rest: Buffer = Buffer.alloc(0);
  /** Whether the last byte taken was not a line feed. */
  #isMidLine = false;
  #dropped = 0;
  /** The number in a report that is still in `#rest`. */
  #reported = 0;
  #isScheduled = false;
  #isWaiting = false;

  constructor(options: JsonLoggerOptions) {
    this.#sink = options.sink;
    this.#rank = RANKS[options.level ?? 'info'];
    this.#maxBufferBytes = options.maxBufferBytes ?? DEFAULT_MAX_BUFFER_BYTES;
    this.#now = options.now ?? Date.now;
    this.#scheduler = options.scheduler ?? SYSTEM_SCHEDULER;
  }

  log(level: LogLevel, message: string, fields?: LogFields): void {
    if (RANKS[level] < this.#rank) return;
    this.#gather(jsonLine({ epochMs: this.#now(), level, message }, fields));
    if (this.#isWaiting) return;
    if (this.#lineBytes >= FLUSH_BYTES) this.#flush();
    else this.#scheduleFlush();
  }

  /** Writes what is buffered before an exit. Blocks for at most 200 ms while the sink takes nothing. */
  flushSync(): void {
    this.#flush();
    for (let tries = 0; tries < LAST_TRIES && this.#rest.length > 0; tries += 1) {
      this.#scheduler.pause(LAST_TRY_MS);
      this.#flush();
    }
  }

  #gather(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#rest.length + this.#lineBytes + bytes > this.#maxBufferBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#lineBytes += bytes;
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#scheduler.soon(() => {
      this.#isScheduled = false;
      if (!this.#isWaiting) this.#flush();
    });
  }

  #flush(): void {
    try {
      this.#write();
      if (this.#rest.length === 0 && this.#dropped > 0) {
        this.#report();
        this.#write();
      }
      if (this.#rest.length > 0) this.#retryAfter(RETRY_MS);
    } catch {
      this.#discard();
      this.#retryAfter(RETRY_BROKEN_MS);
    }
  }

  /** @throws what the sink throws */
  #write(): void {
    this.#encode();
    while (this.#rest.length > 0) {
      const taken = this.#sink.write(this.#rest);
      if (taken === 0) return;
      this.#isMidLine = this.#rest[taken - 1] !== LINE_FEED;
      this.#rest = this.#rest.subarray(taken);
    }
    this.#reported = 0;
  }

  #encode(): void {
    if (this.#lines.length === 0) return;
    const isCutBefore = this.#isMidLine && this.#rest.length === 0;
    const encoded = Buffer.from(`${isCutBefore ? '\n' : ''}${this.#lines.join('')}`);
    this.#rest = this.#rest.length === 0 ? encoded : Buffer.concat([this.#rest, encoded]);
    this.#lines = [];
    this.#lineBytes = 0;
  }

  #report(): void {
    const entry = { epochMs: this.#now(), level: 'warn', message: 'log lines were dropped' } as const;
    this.#lines.push(jsonLine(entry, { lines: this.#dropped }));
    this.#reported = this.#dropped;
    this.#dropped = 0;
  }

  /** The sink is broken: what it did not take is lost, except the count of it. */
  #discard(): void {
    const lost = this.#rest.reduce((count, byte) => (byte === LINE_FEED ? count + 1 : count), 0);
    this.#dropped += lost + (this.#reported > 0 ? this.#reported - 1 : 0);
    this.#reported = 0;
    this.#rest = Buffer.alloc(0);
  }

  #retryAfter(delayMs: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#scheduler.after(delayMs, () => {
      this.#isWaiting = false;
      this.#flush();
    });
  }
}

const LINE_FEED = 0x0a;

const SYSTEM_SCHEDULER: LogScheduler = {
  soon: (run) => void setImmediate(run),
  after: (delayMs, run) => void setTimeout(run, delayMs).unref(),
  pause: (delayMs) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs),
};
