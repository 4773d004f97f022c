import { KeysideError } from '../core/errors.ts';
import type { LogFields } from './logger.ts';

const MAX_LENGTH = 300;
const MAX_DEPTH = 8;

/**
 * What an operator needs of an error, as log fields: `reason` (INTERNAL where it is not ours), `error` (its message), `errorCode`
 * where it has one, `cause`, `causeName` and `causeCode` of the error that caused it, and `rootCause` (`Name: message`) where the chain goes deeper. First
 * lines only, at most 300 characters; no stack. Never throws.
 */
export function errorFields(error: unknown): LogFields {
  const chain = chainOf(error);
  const [first, cause] = chain;
  const root = chain.at(-1);
  return {
    reason: error instanceof KeysideError ? error.reason : 'INTERNAL',
    error: messageOf(first),
    errorCode: codeOf(first),
    ...(chain.length > 1 ? { cause: messageOf(cause), causeName: nameOf(cause), causeCode: codeOf(cause) } : {}),
    ...(chain.length > 2 ? { rootCause: short(`${nameOf(root)}: ${messageOf(root)}`) } : {}),
  };
}

/** The error and what caused it, outermost first. Of several causes at once (AggregateError) the first. */
function chainOf(error: unknown): unknown[] {
  const chain = [error];
  for (let next = causeOf(error); next !== undefined && chain.length < MAX_DEPTH; next = causeOf(next)) {
    if (chain.includes(next)) break;
    chain.push(next);
  }
  return chain;
}

function causeOf(error: unknown): unknown {
  const cause = property(error, 'cause');
  if (cause !== undefined && cause !== null) return cause;
  const errors = property(error, 'errors');
  return error instanceof AggregateError && Array.isArray(errors) ? errors[0] : undefined;
}

function messageOf(error: unknown): string {
  if (typeof error === 'string') return short(error);
  const message = property(error, 'message');
  if (typeof message === 'string' && message !== '') return short(message);
  return nameOf(error);
}

function nameOf(error: unknown): string {
  const name = property(error, 'name');
  return typeof name === 'string' && name !== '' ? short(name) : typeof error;
}

function codeOf(error: unknown): string | number | undefined {
  const code = property(error, 'code');
  return typeof code === 'string' ? short(code) : typeof code === 'number' ? code : undefined;
}

/** A property read without trusting the object: getters may throw. */
function property(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}

function short(text: string): string {
  const line = /^[^\r\n\u2028\u2029]*/.exec(text.trimStart())?.[0] ?? '';
  return line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH - 1)}…`.toWellFormed();
}
