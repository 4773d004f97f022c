/**
 * Maps with at most `limit` calls under way, and yields the results in the order of the items, each as soon as it and all before it
 * are there; a slow one holds up no call after it. Precondition: `work` does not reject.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const slots = Array.from(items, (item) => ({ item, ...Promise.withResolvers<Result>() }));
  const waiting = slots.values();
  const run = async (): Promise<void> => {
    for (const { item, resolve } of waiting) resolve(await work(item));
  };
  for (let worker = 0; worker < limit; worker += 1) void run();
  for (const { promise } of slots) yield await promise;
}
