import { errorFields } from '../../telemetry/error-fields.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Tells a trouble that is met again and again once, and when it is over. */
export class Problems {
  readonly #logger: Logger;
  /** What was told last, by what is in trouble. */
  readonly #told = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param what constant; what varies is in the error */
  report(what: string, error: unknown): void {
    const fields = errorFields(error);
    const text = String(fields.error);
    if (this.#told.get(what) === text) return;
    this.#told.set(what, text);
    this.#logger.log('error', what, fields);
  }

  over(what: string): void {
    if (this.#told.delete(what)) this.#logger.log('info', 'a trouble is over', { trouble: what });
  }
}
