import { setImmediate } from 'node:timers/promises';
import type { CallScope, Fields } from './service.ts';

/** Work after which other calls get their turn, in bytes. */
const TURN_BYTES = 256 * 1024;
/** What a field costs beside its bytes, reckoned in bytes: about 128 small fields make a turn. */
const FIELD_BYTES = 2 * 1024;
/** What a document costs beside its fields, reckoned in bytes: about 25 documents with next to nothing in them make a turn. */
const DOCUMENT_BYTES = 10 * 1024;

/** Keeps one call's work in pieces: a large document, many fields or a batch never hold the daemon for long. */
export class Pace {
  readonly #scope: CallScope;
  #sinceTurn = 0;
  /** The rest that is being taken: whatever of the call works side by side rests together, else the others would work on. */
  #rest: Promise<void> | undefined;

  constructor(scope: CallScope) {
    this.#scope = scope;
  }

  /** Counts a field's work; true when it is time to `rest`. */
  isDueAfterField(bytes: number): boolean {
    return this.#isDue(bytes + FIELD_BYTES);
  }

  /** Counts a document's work beside its fields; true when it is time to `rest`. */
  isDueAfterDocument(): boolean {
    return this.#isDue(DOCUMENT_BYTES);
  }

  /**
   * Lets others work, then goes on.
   * @throws {KeysideError} DEADLINE_EXCEEDED or CANCELLED where the call ended meanwhile
   */
  async rest(): Promise<void> {
    this.#rest ??= this.#restOnce();
    await this.#rest;
    this.#scope.assertLive();
  }

  async #restOnce(): Promise<void> {
    await setImmediate();
    this.#sinceTurn = 0;
    this.#rest = undefined;
  }

  #isDue(bytes: number): boolean {
    this.#sinceTurn += bytes;
    return this.#sinceTurn >= TURN_BYTES;
  }
}

/** Whether the fields are done in one turn: then nobody need rest among them. */
export function isOneTurn(fields: Fields): boolean {
  let work = fields.size * FIELD_BYTES;
  if (work >= TURN_BYTES) return false;
  for (const { length } of fields.values()) work += length;
  return work < TURN_BYTES;
}

/** Counts fields that were done in one turn, where the call goes on after them. */
export function noteFields(fields: Fields, scope: CallScope): void {
  const pace = paces.get(scope);
  if (pace !== undefined) for (const { length } of fields.values()) pace.isDueAfterField(length);
}

const paces = new WeakMap<CallScope, Pace>();

/** The pace of a call: one, whatever of it does the work, so that a batch of middling documents rests too. */
export function paceOf(scope: CallScope): Pace {
  let pace = paces.get(scope);
  if (pace === undefined) {
    pace = new Pace(scope);
    paces.set(scope, pace);
  }
  return pace;
}
