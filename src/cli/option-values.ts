import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../settings/units.ts';

/** Milliseconds of `250ms`, `10s`, `5m` or `1h`. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('It must be a time such as 250ms, 10s or 5m.');
  return ms;
}

/** Collects `key=value`, split at the first `=`; a key given twice is refused. */
export function keyValue(text: string, collected: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 0) throw new InvalidArgumentError('It must be key=value.');
  const key = text.slice(0, at);
  if (collected.has(key)) throw new InvalidArgumentError(`${JSON.stringify(key)} is given twice.`);
  return new Map([...collected, [key, text.slice(at + 1)]]);
}

/** Collects an option that may be given several times. */
export function several(text: string, collected: readonly string[] = []): readonly string[] {
  return [...collected, text];
}
