import { ChangeHints } from './change-hints.ts';
import { isAsObserved } from './tenants-folder.ts';

export interface RestingWatchOptions {
  /** Absolute. */
  readonly path: string;
  /** What the files are, by signature. */
  readonly signatures: ReadonlyMap<string, string>;
  /** From one look at all files to the next, in milliseconds; hints of the file system bring looks forward. */
  readonly rescanIntervalMs: number;
  readonly debounceMs: number;
  /** Called once: something is not what it was. The watch is closed by then. */
  readonly onChange: () => void;
  readonly onTrouble: (error: Error) => void;
}

/** Looks after files that nobody reads: at their time stamps alone, and never so that the event loop waits for the file system. */
export class RestingWatch {
  readonly #options: RestingWatchOptions;
  readonly #hints: ChangeHints;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isHinted = false;
  #isClosed = false;

  constructor(options: RestingWatchOptions) {
    this.#options = options;
    this.#hints = new ChangeHints(options.path, {
      onHint: () => this.#hint(),
      onFailure: (error) => options.onTrouble(new Error(`folders are not watched: ${String(error)}`)),
    });
    // At once: what changed while nobody watched must not wait for its time.
    this.look();
  }

  /** Looks now, or again where a look is under way. */
  look(): void {
    clearTimeout(this.#timer);
    if (this.#isLooking) this.#isHinted = true;
    else void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#hints.close();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#isHinted = false;
    // Before the look: what changes meanwhile must be heard of.
    await this.#hints.rearm();
    const { path, signatures, rescanIntervalMs, debounceMs, onChange } = this.#options;
    const isSame = await isAsObserved(path, signatures);
    this.#isLooking = false;
    if (this.#isClosed) return;
    if (isSame) {
      this.#lookIn(this.#isHinted ? debounceMs : rescanIntervalMs);
      return;
    }
    this.close();
    onChange();
  }

  /** The first of several hints sets the time. */
  #hint(): void {
    if (this.#isHinted) return;
    this.#isHinted = true;
    if (!this.#isLooking) this.#lookIn(this.#options.debounceMs);
  }

  #lookIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }
}
