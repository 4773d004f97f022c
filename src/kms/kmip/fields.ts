import { MalformedTtlv, TEXT_TYPE_CODE, type TtlvItem, type TtlvStructure } from './ttlv.ts';

/** Building and reading the fields of a structure. What a reader does not ask for is skipped, known or not. */

export function structure(tag: number, items: readonly TtlvItem[]): TtlvStructure {
  return { tag, type: 'structure', items };
}

export function integer(tag: number, value: number): TtlvItem {
  return { tag, type: 'integer', value };
}

export function enumeration(tag: number, value: number): TtlvItem {
  return { tag, type: 'enumeration', value };
}

export function boolean(tag: number, value: boolean): TtlvItem {
  return { tag, type: 'boolean', value };
}

export function text(tag: number, value: string): TtlvItem {
  return { tag, type: 'text', value };
}

/** A text whose bytes are a secret: as a string they could not be zeroed. */
export function secretText(tag: number, value: Uint8Array): TtlvItem {
  return { tag, type: 'other', code: TEXT_TYPE_CODE, value };
}

export function byteString(tag: number, value: Uint8Array): TtlvItem {
  return { tag, type: 'bytes', value };
}

type ItemOf<Type extends TtlvItem['type']> = Extract<TtlvItem, { type: Type }>;

/** Every field of that tag. @throws {MalformedTtlv} where one is of another type */
export function all<Type extends TtlvItem['type']>(within: TtlvStructure, tag: number, type: Type): readonly ItemOf<Type>[] {
  return within.items.filter((item) => item.tag === tag).map((item) => ofType(item, type));
}

/** The field, or undefined where there is none. @throws {MalformedTtlv} where it is there twice or of another type */
export function optional<Type extends TtlvItem['type']>(
  within: TtlvStructure,
  tag: number,
  type: Type,
): ItemOf<Type> | undefined {
  const [item, second] = all(within, tag, type);
  if (second !== undefined) throw new MalformedTtlv(`${name(tag)} is there twice`);
  return item;
}

/** @throws {MalformedTtlv} where it is missing too */
export function required<Type extends TtlvItem['type']>(within: TtlvStructure, tag: number, type: Type): ItemOf<Type> {
  const item = optional(within, tag, type);
  if (item === undefined) throw new MalformedTtlv(`${name(tag)} is missing`);
  return item;
}

/** @throws {MalformedTtlv} */
export function ofType<Type extends TtlvItem['type']>(item: TtlvItem, type: Type): ItemOf<Type> {
  if (!isOfType(item, type)) throw new MalformedTtlv(`${name(item.tag)} is of type ${item.type}, not ${type}`);
  return item;
}

function isOfType<Type extends TtlvItem['type']>(item: TtlvItem, type: Type): item is ItemOf<Type> {
  return item.type === type;
}

function name(tag: number): string {
  return `field 0x${tag.toString(16)}`;
}
