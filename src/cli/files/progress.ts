import type { Terminal } from '../terminal.ts';

const BAR_CELLS = 24;
const REDRAW_MS = 100;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
/** Back to the beginning of the line, and nothing on it. */
const CLEAR = '\r\u001b[K';

interface ProgressOptions {
  /** In bytes; undefined where nobody knows before the end. */
  readonly total: number | undefined;
  readonly nowMs?: () => number;
}

/** A line on standard error that tells how far a long work is: drawn where a person watches, and taken away at the end. */
export class Progress {
  readonly #stderr: Terminal['stderr'];
  readonly #total: number | undefined;
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #bytes = 0;

  constructor({ stderr }: Pick<Terminal, 'stderr'>, { total, nowMs = () => performance.now() }: ProgressOptions) {
    this.#stderr = stderr;
    this.#total = total;
    this.#nowMs = nowMs;
    this.#startedAtMs = nowMs();
  }

  /** The same bytes, counted as they pass. */
  async *counting(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const piece of bytes) {
      yield piece;
      this.add(piece.length);
    }
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = this.#nowMs();
    if (!this.#stderr.isTTY || now - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = now;
    this.#stderr.write(`${CLEAR}${this.#line(now - this.#startedAtMs)}`);
  }

  end(): void {
    if (this.#drawnAtMs !== Number.NEGATIVE_INFINITY) this.#stderr.write(CLEAR);
  }

  #line(elapsedMs: number): string {
    const rate = elapsedMs > 0 ? (this.#bytes * 1_000) / elapsedMs : 0;
    const pace = `${readableSize(rate)}/s`;
    if (this.#total === undefined) return `${readableSize(this.#bytes)}  ${pace}`;
    const part = this.#total === 0 ? 1 : Math.min(1, this.#bytes / this.#total);
    const cells = Math.round(part * BAR_CELLS);
    const bar = `[${'#'.repeat(cells)}${' '.repeat(BAR_CELLS - cells)}]`;
    const left = rate > 0 ? `  ${minutes((this.#total - this.#bytes) / rate)} left` : '';
    const percent = `${Math.floor(part * 100)}%`.padStart(4);
    return `${bar} ${percent}  ${readableSize(this.#bytes)} of ${readableSize(this.#total)}  ${pace}${left}`;
  }
}

/** `512 B`, `8.4 MiB` */
export function readableSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** `0:07`, `61:30` */
function minutes(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
