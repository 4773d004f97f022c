import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { DaemonConfig } from '../config/daemon-config.ts';
import type { Revoked } from '../keys/key-ring.ts';
import type { ListenerKind } from '../rpc/listen.ts';
import type { Drop, FromProcess, ProcessFacts, ToProcess } from './process-messages.ts';

/** A start reads files and asks no network; what takes this long will not come. */
const START_MS = 60_000;
/** The longest that an answer is waited for. */
const ANSWER_MS = 2_000;

export interface ProcessEnd {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServingProcessOptions {
  /** From 1. */
  readonly number: number;
  readonly config: DaemonConfig;
  readonly others: OtherProcesses;
}

/** What a process asks for that concerns the others. */
export interface OtherProcesses {
  /** How many data keys they forgot; undefined where one did not confirm it. */
  drop(drop: Drop, asking: ServingProcess): Promise<number | undefined>;
  tellRevoked(revoked: Revoked, telling: ServingProcess): void;
  /** Takes a connection back that this process did not get to. */
  take(socket: Socket, listener: ListenerKind): void;
}

/** One run of a process that serves, as its supervisor sees it. */
export class ServingProcess {
  readonly number: number;
  /** Resolves when it serves. @throws {Error} why it does not: its own words where it had any */
  readonly ready: Promise<ProcessFacts>;
  /** Resolves however it ends. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<ProcessFacts>();
  readonly #others: OtherProcesses;
  /** Connections that wait for the one before them to be taken: of what Node has queued it tells nothing when the process ends. */
  #waiting: { readonly socket: Socket; readonly listener: ListenerKind }[] = [];
  /** The connection that is under way. */
  #handing: Socket | undefined;
  readonly #asked = new Map<number, (answer: string | number | undefined) => void>();
  #lastId = 0;
  #connections = 0;
  #isReady = false;
  #isAlive = true;

  constructor({ number, config, others }: ServingProcessOptions) {
    this.number = number;
    this.#others = others;
    this.ready = this.#ready.promise;
    // Node's own flags are inherited, and with them what keeps the inspector shut.
    this.#child = fork(workerPath(), [], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.ended = this.#watch(this.#child);
    this.#send({ kind: 'start', config, process: number });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether it takes calls. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Connections it was handed and has not told the end of. */
  get connections(): number {
    return this.#connections;
  }

  /** Hands a connection over, of which nothing was read yet. Where the process ends meanwhile it is given back, or closed. */
  hand(socket: Socket, listener: ListenerKind): void {
    this.#connections += 1;
    this.#waiting.push({ socket, listener });
    this.#handNext();
  }

  /** Its metrics in Prometheus's text format; undefined where it has none in time. */
  async collect(): Promise<string | undefined> {
    const text = await this.#ask((id) => ({ kind: 'collect', id }));
    return typeof text === 'string' ? text : undefined;
  }

  /** Has it forget data keys. Returns how many there were; undefined where it has not confirmed it in time, and lives. */
  async drop(drop: Drop): Promise<number | undefined> {
    const count = await this.#ask((id) => ({ kind: 'drop', id, drop }));
    if (typeof count === 'number') return count;
    return this.#isAlive ? undefined : 0;
  }

  /** Tells it of a revocation that another process learned of. */
  tellRevoked(revoked: Revoked): void {
    this.#send({ kind: 'revoked', revoked });
  }

  /** Has it drain and end. */
  stop(): void {
    this.#isReady = false;
    this.#send({ kind: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #watch(child: ChildProcess): Promise<ProcessEnd> {
    const end = Promise.withResolvers<ProcessEnd>();
    const alarm = setTimeout(() => {
      this.#ready.reject(new Error(`process ${this.number} was not ready within ${START_MS / 1000} s`));
      this.kill();
    }, START_MS);
    child.on('message', (message: FromProcess) => {
      if (message.kind === 'ready') clearTimeout(alarm);
      this.#hear(message);
    });
    child.once('exit', (exitCode, signal) => end.resolve({ exitCode, signal }));
    // It could not be made at all, or not be written to: then its end follows.
    child.on('error', (error) => {
      this.#ready.reject(error);
      if (child.pid === undefined) end.resolve({ exitCode: null, signal: null });
    });
    const ended = await end.promise;
    clearTimeout(alarm);
    this.#isReady = false;
    this.#isAlive = false;
    this.#giveBack();
    this.#ready.reject(new Error(`process ${this.number} ended before it was ready (${inWords(ended)})`));
    for (const resolve of this.#asked.values()) resolve(undefined);
    return ended;
  }

  #hear(message: FromProcess): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve(message.facts);
        break;
      case 'failed':
        this.#ready.reject(new Error(message.message));
        break;
      case 'stopping':
        this.#isReady = false;
        break;
      case 'taken':
        this.#handed();
        break;
      case 'disconnected':
        this.#connections -= 1;
        break;
      case 'answer':
        this.#asked.get(message.id)?.(message.answer);
        break;
      case 'drop':
        void this.#dropElsewhere(message.id, message.drop);
        break;
      case 'revoked':
        this.#others.tellRevoked(message.revoked, this);
        break;
    }
  }

  #handNext(): void {
    if (this.#handing !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#handing = next.socket;
    const message: ToProcess = { kind: 'connection', listener: next.listener };
    // Kept open until it is taken, so that it can be closed where it never is. What cannot be sent is closed when the process ends.
    this.#child.send(message, next.socket, { keepOpen: true }, () => undefined);
  }

  /** The process has it: this end is closed, the connection is not. */
  #handed(): void {
    this.#handing?.destroy();
    this.#handing = undefined;
    this.#handNext();
  }

  /** The one under way may have been read from, so its client is to begin anew; the others know nothing of it. */
  #giveBack(): void {
    this.#handing?.destroy();
    for (const { socket, listener } of this.#waiting) this.#others.take(socket, listener);
    this.#waiting = [];
  }

  async #dropElsewhere(id: number, drop: Drop): Promise<void> {
    this.#send({ kind: 'dropped', id, count: await this.#others.drop(drop, this) });
  }

  async #ask(question: (id: number) => ToProcess): Promise<string | number | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<string | number | undefined>();
    const alarm = setTimeout(resolve, ANSWER_MS, undefined);
    this.#asked.set(id, resolve);
    this.#send(question(id));
    const answer = await promise;
    clearTimeout(alarm);
    this.#asked.delete(id);
    return answer;
  }

  /** What cannot be sent any more is for a process that is ending, and its end is told. */
  #send(message: ToProcess): void {
    this.#child.send(message, () => undefined);
  }
}

export function inWords({ exitCode, signal }: ProcessEnd): string {
  return signal === null ? `exit code ${exitCode}` : signal;
}

/** Run from source this module and that are `.ts`, compiled they are `.js`. */
function workerPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`./sidecar-worker${extension}`, import.meta.url));
}
