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
  work: (item: I) => Promise<T>,
  scope: CallScope,
): Promise<ItemOutcome<T>[]> {
  const outcomes: ItemOutcome<T>[] = new Array(items.length);
  const pace = paceOf(scope);
  let next = 0;
  const run = async (): Promise<void> => {
    try {
      while (next < items.length) {
        const at = next++;
        outcomes[at] = await outcomeOf(() => work(items[at] as I));
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

async function outcomeOf<T>(work: () => Promise<T>): Promise<ItemOutcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof KeysideError && error.reason !== 'INTERNAL') return { error };
    throw error;
  }
}
