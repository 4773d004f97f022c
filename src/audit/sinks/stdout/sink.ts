import { type AuditSink, type RejectedRecord, SinkError, type SinkRecord } from '../../sink.ts';

/** The part of a stream that is written to. */
export interface LineOutput {
  write(text: Uint8Array, done: (error?: Error | null) => void): boolean;
}

/** Writes records to the standard output: delivered once the system has taken them. */
export class StdoutSink implements AuditSink {
  readonly kind = 'stdout';
  readonly limits = { maxRecords: 500, maxBytes: 256 * 1024, lingerMs: 100 };
  readonly #output: LineOutput;

  constructor(output: LineOutput) {
    this.#output = output;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    const lines = Buffer.concat(batch.flatMap(({ line }) => [line, Buffer.from('\n')]));
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(new SinkError('unreachable', 'the standard output is not read'));
      signal.addEventListener('abort', abort, { once: true });
      this.#output.write(lines, (error) => {
        signal.removeEventListener('abort', abort);
        if (error) reject(new SinkError('unreachable', `the standard output: ${error.message}`, { cause: error }));
        else resolve();
      });
    });
    return [];
  }

  async close(): Promise<void> {
    // The standard output stays the daemon's.
  }
}
