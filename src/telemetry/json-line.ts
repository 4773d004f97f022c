import { Buffer } from 'node:buffer';
import type { LogFields, LogLevel } from './logger.ts';

/** The longest string value, in UTF-8 bytes; longer ones are cut and end in `…`. */
export const MAX_VALUE_BYTES = 2048;

/** C1 controls, DEL and the line separators of Unicode: JSON leaves them as they are, a terminal or a viewer does not. */
const UNESCAPED_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;
/** Printable ASCII that JSON writes as it is: most values, and found faster than escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;
const OWN_FIELDS: ReadonlySet<string> = new Set(['time', 'level', 'message']);

const encoder = new TextEncoder();
const scratch = new Uint8Array(MAX_VALUE_BYTES);

/** Names are constants of the code, hence few. */
const MAX_KEYS = 256;
const keys = new Map<string, string>();
let lastTime = { epochMs: 0, text: new Date(0).toISOString() };

export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly epochMs: number;
  readonly level: LogLevel;
  readonly message: string;
}

/**
 * One JSON object and a line feed: `time` (RFC 3339, UTC, milliseconds), `level`, `message`, then the fields in their order. A field
 * with one of these three names is written with an underscore before it; fields that are undefined are left out.
 */
export function jsonLine(entry: LogEntry, fields: LogFields | undefined): string {
  let line = `{"time":"${timeText(entry.epochMs)}","level":"${entry.level}","message":${jsonText(entry.message)}`;
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    line += (keys.get(name) ?? keyOf(name)) + jsonValue(value);
  }
  return `${line}}\n`;
}

/** A field's name as it is written, with the comma before it. */
function keyOf(name: string): string {
  const key = `,${jsonText(OWN_FIELDS.has(name) ? `_${name}` : name)}:`;
  if (keys.size < MAX_KEYS) keys.set(name, key);
  return key;
}

/** Most lines share their millisecond with the line before. */
function timeText(epochMs: number): string {
  if (epochMs !== lastTime.epochMs) lastTime = { epochMs, text: new Date(epochMs).toISOString() };
  return lastTime.text;
}

function jsonValue(value: string | number | boolean): string {
  if (typeof value === 'string') return jsonText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  return typeof value === 'boolean' ? String(value) : '"[not text]"';
}

function jsonText(value: string): string {
  if (value.length <= MAX_VALUE_BYTES && PLAIN.test(value)) return `"${value}"`;
  return JSON.stringify(cut(value)).replace(UNESCAPED_CONTROLS, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function cut(value: string): string {
  if (value.length * 3 <= MAX_VALUE_BYTES || Buffer.byteLength(value) <= MAX_VALUE_BYTES) return value;
  const { read } = encoder.encodeInto(value, scratch);
  return `${value.slice(0, read)}…`;
}
