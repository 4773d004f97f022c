import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { FaultPath } from './fault.ts';

/** Beyond this depth no configuration goes: what does is refused before it costs stack. */
const MAX_DEPTH = 64;

/** Nodes that aliases may repeat in one file: a few lines of nested aliases would else expand to gigabytes. */
const MAX_ALIASED_NODES = 100_000;

type Report = (offset: number, path: FaultPath, message: string) => void;
type YamlNode = Node | null | undefined;

interface Place {
  readonly path: FaultPath;
  /** Within the repetition of an alias. */
  readonly isAliased: boolean;
}

/** A tree of YAML nodes as plain data, and the way back from a path in that data to the node's offset in the text. */
export class YamlPlain {
  readonly value: unknown;
  readonly #root: Node;
  readonly #report: Report;
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new WeakMap<Alias, Node>();
  readonly #indexes = new WeakMap<YAMLMap, Map<string, Pair>>();
  #aliasedNodes = 0;

  constructor(root: Node, report: Report) {
    this.#root = root;
    this.#report = report;
    this.value = this.#plain(root, { path: [], isAliased: false });
  }

  /** The offset of the value that the path leads to: of its key where the value is a collection or missing. */
  offsetOf(path: FaultPath): number {
    return this.#find(path, (pair) => (isScalar(pair.value) && pair.value.value !== null) || isAlias(pair.value));
  }

  /** The offset of the key that the path ends in. */
  keyOffsetOf(path: FaultPath): number {
    return this.#find(path, () => false);
  }

  #find(path: FaultPath, pointsAtValue: (pair: Pair) => boolean): number {
    let node: YamlNode = this.#root;
    let offset = offsetOfNode(node);
    for (const step of path) {
      const target: YamlNode = isAlias(node) ? this.#targets.get(node) : node;
      if (isMap(target)) {
        const pair = this.#index(target).get(String(step));
        if (pair === undefined) break;
        node = pair.value as YamlNode;
        offset = offsetOfNode(pointsAtValue(pair) ? node : (pair.key as YamlNode));
      } else if (isSeq(target) && typeof step === 'number' && step < target.items.length) {
        node = target.items[step] as YamlNode;
        offset = offsetOfNode(node);
      } else break;
    }
    return offset;
  }

  #index(map: YAMLMap): Map<string, Pair> {
    let index = this.#indexes.get(map);
    if (index === undefined) {
      index = new Map(map.items.toReversed().map((pair) => [keyText(pair) ?? '', pair]));
      this.#indexes.set(map, index);
    }
    return index;
  }

  #plain(node: YamlNode, place: Place): unknown {
    if (node === null || node === undefined) return null;
    if (place.path.length > MAX_DEPTH) return this.#refuse(node, place, `is nested deeper than ${MAX_DEPTH} levels`);
    if (place.isAliased && ++this.#aliasedNodes > MAX_ALIASED_NODES) {
      if (this.#aliasedNodes > MAX_ALIASED_NODES + 1) return undefined;
      return this.#refuse(node, place, `aliases expand to more than ${MAX_ALIASED_NODES} values`);
    }
    if (isAlias(node)) return this.#aliased(node, place);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#mapping(node, place);
    if (isSeq(node)) return node.items.map((item, at) => this.#plain(item as YamlNode, { ...place, path: [...place.path, at] }));
    return isScalar(node) ? node.value : null;
  }

  #aliased(alias: Alias, place: Place): unknown {
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined) return this.#refuse(alias, place, 'is an alias of nothing that stands before it');
    this.#targets.set(alias, target);
    return this.#plain(target, { path: place.path, isAliased: true });
  }

  #mapping(map: YAMLMap, place: Place): Record<string, unknown> {
    const entries: Record<string, unknown> = {};
    for (const pair of map.items) {
      const key = keyText(pair);
      if (key === undefined) {
        this.#refuse((pair.key as YamlNode) ?? map, place, 'has a key that is not plain text');
        continue;
      }
      const path = [...place.path, key];
      // `__proto__` would set the object's prototype instead of an entry, here or in whatever reads the data later.
      if (key === '__proto__') this.#refuse(pair.key as YamlNode, { ...place, path }, 'is not allowed as a key');
      else if (Object.hasOwn(entries, key)) this.#refuse(pair.key as YamlNode, { ...place, path }, 'is given twice');
      else entries[key] = this.#plain(pair.value as YamlNode, { ...place, path });
    }
    return entries;
  }

  #refuse(node: YamlNode, place: Place, message: string): undefined {
    this.#report(offsetOfNode(node), place.path, message);
  }
}

/** As written: `007` and `1e3` stay what they are. Undefined for an empty key, a collection or an alias. */
function keyText(pair: Pair): string | undefined {
  const { key } = pair;
  if (!isScalar(key)) return undefined;
  const text = key.type === 'PLAIN' ? key.source : key.value;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function offsetOfNode(node: YamlNode): number {
  return node?.range?.[0] ?? 0;
}
