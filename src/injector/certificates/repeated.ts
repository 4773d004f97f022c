/** Something that is done again and again, never twice at a time. */
export class Repeated {
  readonly #step: () => Promise<number>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param step does it once, and says in how many milliseconds to do it again; must not reject */
  constructor(step: () => Promise<number>) {
    this.#step = step;
  }

  /** The first time is now. */
  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when it is done no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const delayMs = await this.#step();
    if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), delayMs);
  }
}
