/** The one operation of RFC 6902 that is needed: nothing that a pod has is ever taken away. */
export interface AddOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** The JSON pointer (RFC 6901) of a path; `/` and `~` in names are escaped. */
export function pointer(...path: readonly (string | number)[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Sets a member that is missing, or replaces it. Precondition: the object that is to have it is there. */
export function setMember(path: string, value: unknown): AddOperation {
  return { op: 'add', path, value };
}

/** Appends to a list, and makes the list where there is none. */
export function append(path: string, list: readonly unknown[] | null | undefined, items: readonly unknown[]): AddOperation[] {
  if (items.length === 0) return [];
  if (isMissing(list)) return [{ op: 'add', path, value: items }];
  return items.map((value) => ({ op: 'add', path: `${path}/-`, value }));
}

/** Puts an item before all others, and makes the list where there is none. */
export function prepend(path: string, list: readonly unknown[] | null | undefined, item: unknown): AddOperation {
  return isMissing(list) ? { op: 'add', path, value: [item] } : { op: 'add', path: `${path}/0`, value: item };
}

/** API servers leave empty lists out, people write them, and both mean the same. */
function isMissing(list: readonly unknown[] | null | undefined): boolean {
  return list === undefined || list === null || list.length === 0;
}
