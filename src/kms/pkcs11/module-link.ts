import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Timer } from '../timer.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import type { Reply, Request } from './messages.ts';
import { ProcessTrouble } from './process-trouble.ts';

const CHANNEL_FD = 3;
const CLOSE_MS = 2_000;
/** One turn of the event loop: what the process said while the daemon itself was busy is read first. */
const SECOND_LOOK_MS = 1;

export interface Outcome {
  readonly reply: Reply;
  /** The reader's to wipe. */
  readonly body: Uint8Array;
}

interface Pending {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (trouble: ProcessTrouble) => void;
  readonly stopAlarm: () => void;
}

interface LinkOptions {
  readonly timer: Timer;
  /** Called once, however the process ended. */
  onEnd(): void;
}

/**
 * One run of the process that holds a module. Nothing in here waits for it: it may hang, crash or be stopped, and whoever asked it is
 * told in time. The process is not one of the daemon's group, so that a Ctrl-C on a terminal leaves it to the daemon to end it.
 */
export class ModuleLink {
  readonly #timer: Timer;
  readonly #onEnd: () => void;
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  readonly #reader = new FrameReader();
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isLeaving = false;
  #trouble: ProcessTrouble | undefined;

  constructor({ timer, onEnd }: LinkOptions) {
    this.#timer = timer;
    this.#onEnd = onEnd;
    // The environment is handed on whole: modules find their own settings in it, e.g. SOFTHSM2_CONF or ChrystokiConfigurationPath.
    this.#child = spawn(process.execPath, ['--disable-sigusr1', childPath()], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const ended = (): void => this.#end(new ProcessTrouble('ended'));
    this.#child.on('error', ended).on('exit', ended);
    this.#channel = channelOf(this.#child);
    this.#channel
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('error', ended)
      .on('end', ended);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Sends a request. `body` is copied at once. A process that has not answered within `limitMs` is killed.
   * @throws {ProcessTrouble} where it ended or was silent; with it end all other requests
   */
  async ask(request: Request, body: Uint8Array, limitMs: number): Promise<Outcome> {
    if (this.#trouble !== undefined) throw this.#trouble;
    this.#lastId += 1;
    const id = this.#lastId;
    const frame = encodeFrame({ id, ...request }, body);
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const stopAlarm = this.#timer.after(limitMs, () => this.#overdue(id, limitMs));
    this.#pending.set(id, { resolve, reject, stopAlarm });
    this.#channel.write(frame, () => frame.fill(0));
    return promise;
  }

  /** Lets the process take leave of its HSM; it is killed if that takes long. Requests under way end. */
  close(): void {
    if (this.#trouble !== undefined) return;
    this.#channel.end();
    const stop = this.#timer.after(CLOSE_MS, () => this.#child.kill('SIGKILL'));
    this.#child.once('exit', stop);
    this.#settle(new ProcessTrouble('ended'));
  }

  /** Closes after the last answer that is awaited. */
  closeWhenIdle(): void {
    this.#isLeaving = true;
    if (this.#pending.size === 0) this.close();
  }

  #read(chunk: Buffer): void {
    let frames: readonly Frame[];
    try {
      frames = this.#reader.push(chunk);
    } catch (cause) {
      this.#end(new ProcessTrouble('ended', { cause }));
      return;
    }
    for (const { head, body } of frames) this.#answered(head as Reply & { readonly id: number }, body);
  }

  #answered({ id, ...reply }: Reply & { readonly id: number }, body: Uint8Array): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      body.fill(0);
      return;
    }
    this.#pending.delete(id);
    pending.stopAlarm();
    pending.resolve({ reply, body });
    if (this.#isLeaving && this.#pending.size === 0) this.close();
  }

  #overdue(id: number, limitMs: number): void {
    this.#timer.after(SECOND_LOOK_MS, () => {
      if (this.#pending.has(id)) this.#end(new ProcessTrouble('silent', { ms: limitMs }));
    });
  }

  #end(trouble: ProcessTrouble): void {
    this.#child.kill('SIGKILL');
    this.#channel.destroy();
    this.#settle(trouble);
  }

  #settle(trouble: ProcessTrouble): void {
    if (this.#trouble !== undefined) return;
    this.#trouble = trouble;
    for (const { reject, stopAlarm } of this.#pending.values()) {
      stopAlarm();
      reject(trouble);
    }
    this.#pending.clear();
    this.#onEnd();
  }
}

/** Where the system has no descriptor left, there are no pipes at all, whatever the types say; the child's `error` event follows. */
function channelOf(child: { readonly stdio: ChildProcess['stdio'] | undefined }): Duplex {
  return (
    (child.stdio?.[CHANNEL_FD] as Duplex | undefined) ??
    new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  );
}

/** The same file, as source and compiled. */
function childPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`./child${extension}`, import.meta.url));
}
