import { KeysideError } from '../core/errors.ts';
import { paceOf } from './pace.ts';
import type { CallScope } from './service.ts';

/** Items of one batch that may wait for a KMS at the same time. */
const PARALLEL_ITEMS = 16;

export type ItemOutcome<T> = { readonly value: T } | { readonly error: KeysideError };

/**
 * Works on the items of a batch: each ends in its own value or its own error, in the order given. Items that find their data key in
 * memory are done one after the other, with turns for other calls; items that wait for a KMS wait together, up to a bound.
 * @throws {KeysideError} DEADLINE_EXCEEDED or CANCELLED: then the batch as a whole has ended
 * @throws INTERNAL, and anything that is not a KeysideError: a fault of ours is never an item's outcome
 */
export async function eachItem<I, T>(
  items: readonly I[],
  work: (item: I) => T | Promise<T>,
  scope: CallScope,
): Promise<ItemOutcome<T>[]> {
  const outcomes: ItemOutcome<T>[] = new Array(items.length);
  const pace = paceOf(scope);
  let next = 0;
  const run = async (): Promise<void> => {
    try {
      while (next < items.length) {
        const at = next++;
        const outcome = outcomeOf(work, items[at] as I);
        outcomes[at] = outcome instanceof Promise ? await outcome : outcome;
        scope.assertLive();
        if (pace.isDueAfterDocument()) await pace.rest();
      }
    } catch (error) {
      next = items.length; // the batch has ended: what is left would be done for nobody
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_ITEMS, items.length) }, run));
  return outcomes;
}

/** At once where the work is. */
function outcomeOf<I, T>(work: (item: I) => T | Promise<T>, item: I): ItemOutcome<T> | Promise<ItemOutcome<T>> {
  try {
    const done = work(item);
    return done instanceof Promise ? done.then((value) => ({ value }), failed) : { value: done };
  } catch (error) {
    return failed(error);
  }
}

/** @throws the error, where it is a fault of ours */
function failed(error: unknown): { readonly error: KeysideError } {
  if (error instanceof KeysideError && error.reason !== 'INTERNAL') return { error };
  throw error;
}
