import * as z from 'zod';
import { ID_PATTERN } from '../core/ids.ts';
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

const DURATION_WORDS = 'must be a whole number with a unit, such as 250ms, 60s, 5m, 1h or 7d';
const SIZE_WORDS = 'must be a whole number of bytes, or one with a unit, such as 64KiB, 3MiB or 1GiB';
export const ID_WORDS = 'must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -';

/** Keeps the general word for what is missing. */
const unlessMissing = (words: string) => (issue: { readonly input?: unknown }) => (issue.input === undefined ? undefined : words);

interface FieldRange {
  readonly description: string;
  /** Shown as the default where the schema itself has none, because the entry is inherited. */
  readonly builtIn?: string;
  /** Inclusive. */
  readonly min?: number;
  /** Inclusive. */
  readonly max: number;
}

/** A duration in a file (`60s`); milliseconds once read. Bounds in milliseconds. */
export function durationField({ min = 0, max, ...notes }: FieldRange) {
  const range = `${formatDuration(min)} to ${formatDuration(max)}`;
  return z
    .string({ error: unlessMissing(DURATION_WORDS) })
    .regex(DURATION_PATTERN, { error: DURATION_WORDS })
    .meta({ ...notes, kind: 'duration', range })
    .transform((text, context) => within(parseDuration(text), { min, max, range, context }));
}

/** A size in a file (`3MiB`, or a number of bytes); bytes once read. Bounds in bytes. */
export function sizeField({ min = 0, max, ...notes }: FieldRange) {
  const range = `${formatSize(min)} to ${formatSize(max)}`;
  return z
    .union([z.int().min(0), z.string().regex(SIZE_PATTERN, { error: SIZE_WORDS })], { error: unlessMissing(SIZE_WORDS) })
    .meta({ ...notes, kind: 'size', range })
    .transform((value, context) => within(parseSize(String(value)), { min, max, range, context }));
}

/** A whole number, both bounds inclusive. */
export function countField({ min = 0, max, ...notes }: FieldRange) {
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ ...notes, kind: 'count', range: `${min} to ${max}` });
}

/** The path of a file: relative to the folder of the configuration file that names it. */
export function pathField(description: string) {
  return z.string().min(1).meta({ description, isPath: true, kind: 'path' });
}

/** The id of a tenant, a key configuration or a caller. */
export function idField(description: string) {
  return z.string().regex(ID_PATTERN, { error: ID_WORDS }).meta({ description, kind: 'id' });
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly range: string;
  readonly context: z.core.$RefinementCtx;
}

function within(value: number | undefined, { min, max, range, context }: Bounds): number {
  if (value !== undefined && value >= min && value <= max) return value;
  context.addIssue({ code: 'custom', message: `must be from ${range}` });
  return z.NEVER;
}

/** A place as the deployment names it, such as `eu-central-1` or `eu`. */
export const REGION = /^[A-Za-z0-9._-]{1,64}$/;
export const REGION_WORDS = 'must be 1 to 64 characters of A-Z a-z 0-9 . _ -';
