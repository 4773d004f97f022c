/**
 * Aborts with whichever of two signals aborts first, and lets go of both when disposed. `AbortSignal.any` would do, were neither of
 * them long-lived: a key's own signal would keep what was joined to it, a kilobyte for each call.
 */
export class LinkedSignal implements Disposable {
  readonly signal: AbortSignal;
  readonly #sources: readonly AbortSignal[];
  readonly #onAbort: (event: Event) => void;

  constructor(...sources: readonly [AbortSignal, AbortSignal]) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#sources = sources;
    this.#onAbort = ({ target }) => controller.abort((target as AbortSignal).reason);
    for (const source of sources) {
      source.addEventListener('abort', this.#onAbort, { once: true });
      if (source.aborted) controller.abort(source.reason);
    }
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#onAbort);
  }
}
