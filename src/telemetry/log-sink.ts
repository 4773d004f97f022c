import { writeSync } from 'node:fs';

/** Where log lines go. */
export interface LogSink {
  /**
   * Writes at once as much as is taken without waiting.
   * @returns how many bytes were taken; 0 where none can be now
   * @throws where nothing will be taken: closed, broken, full
   */
  write(bytes: Uint8Array): number;
}

/**
 * A sink over an open file descriptor. Whether a reader that does not read makes it wait is the descriptor's matter: it does not
 * where the descriptor is non-blocking.
 */
export function fileDescriptorSink(fd: number): LogSink {
  return {
    write(bytes: Uint8Array): number {
      try {
        return writeSync(fd, bytes);
      } catch (error) {
        if (isWouldBlock(error)) return 0;
        throw error;
      }
    },
  };
}

/**
 * The process's standard output. A pipe whose reader does not read must not stop the daemon: Node makes a pipe non-blocking when
 * `process.stdout` is first asked for, hence the asking. Errors that only the stream sees are ignored; the descriptor shows them too.
 */
export function stdoutSink(): LogSink {
  process.stdout.on('error', () => undefined);
  return fileDescriptorSink(1);
}

function isWouldBlock(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
