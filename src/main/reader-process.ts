import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Reader, ReaderListeners, ReaderMessage, ToReader } from '../config/tenants-messages.ts';

/**
 * One run of the process that reads configuration. It is not one of the daemon's group, so that a Ctrl-C on a terminal leaves it to the
 * daemon to end it; it ends by itself where the daemon is gone.
 */
export class ReaderProcess implements Reader {
  readonly #child: ChildProcess;
  #listeners: ReaderListeners | undefined;
  #isEnding = false;

  constructor() {
    this.#child = fork(readerPath(), {
      detached: true,
      execArgv: ['--disable-sigusr1'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#listeners?.onMessage(message as ReaderMessage));
    this.#child.once('error', (error) => this.#ended(error));
    // Not at `exit`: what it said last may still be under way then.
    this.#child.once('disconnect', () => this.#ended(undefined));
  }

  /** For whoever watches it; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  listen(listeners: ReaderListeners): void {
    this.#listeners = listeners;
  }

  send(message: ToReader): void {
    // Where it is gone, `disconnect` says so.
    this.#child.send(message, () => undefined);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #ended(cause: Error | undefined): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#listeners?.onEnd(cause);
  }
}

/** Run from source this module and that are `.ts`, compiled they are `.js`. */
function readerPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`./reader-worker${extension}`, import.meta.url));
}
