import type { Readable, Writable } from 'node:stream';

/** What a command reads and writes; handed in, so that commands touch no global state. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Results only. */
  readonly stdout: Writable;
  /** Everything that is said beside the result. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * Calls `action` when the person stops the command, once; a second time ends the process. Returns what takes the call back.
   * Left out: the process ends at once.
   */
  readonly onInterrupt?: (action: () => void) => () => void;
}

/** Resolves once the text is handed over, so that nothing is lost when the process ends. A reader that went away is no error. */
export function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error == null || ('code' in error && error.code === 'EPIPE')) resolve();
      else reject(error);
    });
  });
}

/** As `write` does, with an end of line. */
export function writeLine(stream: Writable, line: string): Promise<void> {
  return write(stream, `${line}\n`);
}
