import { ByteReader, ShortInput } from '../core/byte-reader.ts';
import { COMMITMENT_BYTES, MAX_HEADER_BYTES, SALT_BYTES } from './header.ts';
import { malformed } from './malformed.ts';

/** Magic, version and suite. */
const PREAMBLE_BYTES = 4;
/** Provider and algorithm before a wrap's texts, share and number of shares after them. */
const PAIR_BYTES = 2;

/**
 * Where a header ends that stands before an object's body; undefined while too little of it is there to tell. Only lengths are read:
 * whether it is a header is for `parseHeader` to say.
 * @throws {KeysideError} EDEK_MALFORMED where it would exceed 65,536 bytes
 */
export function attachedHeaderBytes(start: Uint8Array): number | undefined {
  const reader = new ByteReader(start.subarray(0, MAX_HEADER_BYTES));
  try {
    reader.take(PREAMBLE_BYTES, 'preamble');
    reader.lp('data label');
    reader.take(SALT_BYTES + COMMITMENT_BYTES, 'salt and commitment');
    for (let wraps = reader.u8('count'); wraps > 0; wraps--) {
      reader.take(PAIR_BYTES, 'wrap');
      reader.lp('configuration id');
      reader.lp('key version');
      reader.take(PAIR_BYTES, 'wrap');
      reader.lp('wrapped key');
    }
    return reader.position;
  } catch (error) {
    if (!(error instanceof ShortInput)) throw error;
    if (start.length >= MAX_HEADER_BYTES) throw malformed(`the object's header exceeds ${MAX_HEADER_BYTES} bytes`);
    return undefined;
  }
}
