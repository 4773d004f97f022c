/** One operation of RFC 6902. */
interface PatchOperation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/**
 * What an API server makes of a document and a patch: operations of RFC 6902 in their order, on a copy.
 * @throws {Error} where an operation has no place to happen, and for operations other than `add`
 */
export function applyJsonPatch(document: unknown, operations: readonly PatchOperation[]): unknown {
  let copy = structuredClone(document);
  for (const { op, path, value } of operations) {
    if (op !== 'add') throw new Error(`the operation ${op} is not modelled`);
    if (path !== '' && !path.startsWith('/')) throw new Error(`${path} is no JSON pointer`);
    if (/~(?![01])/.test(path)) throw new Error(`${path} has an escape that is none`);
    copy = add(copy, path.split('/').slice(1).map(unescaped), structuredClone(value));
  }
  return copy;
}

function add(document: unknown, steps: readonly string[], value: unknown): unknown {
  const last = steps.at(-1);
  if (last === undefined) return value;
  const parent = steps.slice(0, -1).reduce(member, document);
  if (Array.isArray(parent)) {
    const at = last === '-' ? parent.length : index(last);
    if (at > parent.length) throw new Error(`a list of ${parent.length} takes nothing at ${at}`);
    parent.splice(at, 0, value);
  } else if (typeof parent === 'object' && parent !== null) {
    Object.defineProperty(parent, last, { value, writable: true, enumerable: true, configurable: true });
  } else {
    throw new Error(`there is nothing to add ${steps.join('/')} to`);
  }
  return document;
}

function member(parent: unknown, step: string): unknown {
  if (Array.isArray(parent)) return parent[index(step)];
  if (typeof parent === 'object' && parent !== null && Object.hasOwn(parent, step)) {
    return (parent as Record<string, unknown>)[step];
  }
  throw new Error(`there is no ${step}`);
}

function index(step: string): number {
  if (!/^(?:0|[1-9]\d*)$/.test(step)) throw new Error(`${step} is no place in a list`);
  return Number(step);
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
