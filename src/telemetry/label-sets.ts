import type { Attributes } from '@opentelemetry/api';

type Branch = Map<string, Map<string, Attributes>>;

/**
 * The attribute objects of one metric's label sets, built once and used again, so that a measurement on the hot path allocates
 * none. Bounded: at `maxSets` it forgets all and begins anew.
 */
export class LabelSets {
  readonly #names: readonly [string, string, string];
  readonly #maxSets: number;
  readonly #sets = new Map<string, Branch>();
  #size = 0;

  constructor(names: readonly [string, string, string], maxSets = 4096) {
    this.#names = names;
    this.#maxSets = maxSets;
  }

  get size(): number {
    return this.#size;
  }

  /** The attributes with these values, in the order of the names. The same object for the same values, until it forgets. */
  get(first: string, second: string, third: string): Attributes {
    return this.#sets.get(first)?.get(second)?.get(third) ?? this.#add(first, second, third);
  }

  #add(first: string, second: string, third: string): Attributes {
    if (this.#size >= this.#maxSets) {
      this.#sets.clear();
      this.#size = 0;
    }
    const [a, b, c] = this.#names;
    const attributes = { [a]: first, [b]: second, [c]: third };
    const branch = at(this.#sets, first);
    at(branch, second).set(third, attributes);
    this.#size += 1;
    return attributes;
  }
}

function at<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = new Map<string, Value>();
  map.set(key, made);
  return made;
}
