import { ShortInput } from '../core/byte-reader.ts';
import { KeysideError } from '../core/errors.ts';

/** The one error of this floor's parsers. `what` describes the form, never a stored value. */
export function malformed(what: string, cause?: unknown): KeysideError {
  return new KeysideError('EDEK_MALFORMED', what, cause === undefined ? {} : { cause });
}

/** Runs a parser and lets nothing but EDEK_MALFORMED out for input that ends early. */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ShortInput) throw malformed(error.message.replace('the input', 'the edek'), error);
    throw error;
  }
}
