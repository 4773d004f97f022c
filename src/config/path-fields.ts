import { resolve } from 'node:path';
import * as z from 'zod';

/** Steps from a value to a path in it; `*` is every entry of a list or mapping. */
export type PathField = readonly string[];

/** Where values of this schema hold paths of files: the fields that are marked with `.meta({ isPath: true })`. */
export function pathFieldsOf(schema: z.core.$ZodType): readonly PathField[] {
  if (z.globalRegistry.get(schema)?.isPath === true) return [[]];
  const { def } = schema._zod as z.core.$ZodTypes['_zod'];
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([key, field]) => below(key, field));
    case 'array':
      return below('*', def.element);
    case 'record':
      return below('*', def.valueType);
    case 'union':
      return def.options.flatMap((option) => pathFieldsOf(option));
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return pathFieldsOf(def.innerType);
    case 'pipe':
      return pathFieldsOf(def.in);
    default:
      return [];
  }
}

function below(step: string, schema: z.core.$ZodType): PathField[] {
  return pathFieldsOf(schema).map((field) => [step, ...field]);
}

/** A copy of the value with its path fields resolved against `folder`. Fields that are missing or no texts are left as they are. */
export function resolvePaths<Value>(value: Value, fields: readonly PathField[], folder: string): Value {
  return fields.reduce<unknown>((result, field) => resolveField(result, field, folder), value) as Value;
}

function resolveField(value: unknown, field: PathField, folder: string): unknown {
  const [step, ...rest] = field;
  if (step === undefined) return typeof value === 'string' && value !== '' ? resolve(folder, value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return step === '*' ? value.map((entry) => resolveField(entry, rest, folder)) : value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, step === '*' || step === key ? resolveField(entry, rest, folder) : entry]),
  );
}
