import type { Timer } from '../timer.ts';
import { FoundFault } from './found-fault.ts';
import type { LoadRequest } from './messages.ts';
import { ModuleLink } from './module-link.ts';
import { ProcessTrouble } from './process-trouble.ts';

/** A vendor's module reads its files and opens its connections in this time. */
const LOAD_MS = 20_000;
const FIRST_REST_MS = 200;
const LONGEST_REST_MS = 5_000;
/** Modules, and the bindings to them, leak a few hundred bytes a call: a process that served so often makes room for a new one. */
const MAX_CALLS = 50_000;
const NOTHING = new Uint8Array(0);

export interface ModuleSource {
  /** Absolute path. */
  readonly module: string;
  readonly initString: string | undefined;
}

/**
 * Keeps one module running in a process of its own: starts it on first use and again after it ended, at once the first time, then
 * after rests that double up to 5 s, until it has served again.
 */
export class ModuleProcess {
  readonly #source: ModuleSource;
  readonly #timer: Timer;
  #current: ModuleLink | undefined;
  #ready: Promise<ModuleLink> | undefined;
  readonly #maxCalls: number;
  #calls = 0;
  #failures = 0;
  #notBeforeMs = 0;
  #isClosed = false;

  constructor(source: ModuleSource, timer: Timer, maxCalls = MAX_CALLS) {
    this.#source = source;
    this.#timer = timer;
    this.#maxCalls = maxCalls;
  }

  /** The running process's id, for whoever watches it. */
  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /**
   * A link to the module, loaded and initialised.
   * @throws {ProcessTrouble} where it rests, or ends while it starts
   * @throws {FoundFault} where it cannot be loaded or initialised
   */
  async link(): Promise<ModuleLink> {
    if (this.#isClosed) throw new ProcessTrouble('ended');
    if (this.#ready === undefined) {
      const restMs = this.#notBeforeMs - this.#timer.nowMs();
      if (restMs > 0) throw new ProcessTrouble('resting', { ms: Math.ceil(restMs) });
      this.#ready = this.#start();
    }
    return this.#ready;
  }

  /** The module did what it was asked: the next end counts as the first again. */
  served(link: ModuleLink): void {
    if (this.#current !== link) return;
    this.#failures = 0;
    this.#calls += 1;
    if (this.#calls < this.#maxCalls) return;
    this.#current = undefined;
    this.#ready = undefined;
    link.closeWhenIdle();
  }

  /** Ends the present run, whose module is of no use any more; a later `link` starts another. */
  retire(link: ModuleLink): void {
    if (this.#current === link) link.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#current?.close();
  }

  async #start(): Promise<ModuleLink> {
    const link: ModuleLink = new ModuleLink({ timer: this.#timer, onEnd: () => this.#ended(link) });
    this.#current = link;
    this.#calls = 0;
    const request: LoadRequest = { op: 'load', ...this.#source };
    const { reply } = await link.ask(request, NOTHING, LOAD_MS);
    if (reply.ok) return link;
    link.close();
    throw new FoundFault(reply.fault);
  }

  #ended(link: ModuleLink): void {
    if (this.#current !== link) return;
    this.#current = undefined;
    this.#ready = undefined;
    this.#failures += 1;
    const restMs = this.#failures === 1 ? 0 : Math.min(FIRST_REST_MS * 2 ** (this.#failures - 2), LONGEST_REST_MS);
    this.#notBeforeMs = this.#timer.nowMs() + restMs;
  }
}
