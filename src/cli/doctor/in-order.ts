/**
 * Maps with at most `limit` calls under way, and yields the results in the order of the items, each as soon as it and all before it
 * are there. Precondition: `work` does not throw.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  for (const item of items) {
    if (running.length >= limit) yield (await running.shift()) as Result;
    running.push(work(item));
  }
  for (const result of running) yield await result;
}
