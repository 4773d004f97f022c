import { BinaryReader } from '@bufbuild/protobuf/wire';
import { KeysideError } from '../core/errors.ts';

/**
 * Most fields of protobuf in one request, at its top and one level below `fields`, `documents` and `open`. Far above what the limits on
 * documents allow; far below the millions of empty entries that a message of some MiB could hold, which take seconds to decode.
 */
const MAX_ITEMS = 262_144;
/** The number of the field whose own fields count too: `fields` of a document, `documents` of a batch. */
export const DOCUMENTS = 2;
/** `open` of a stream; its `chunk` are bytes, whatever they look like. */
export const OPENING = 1;
const LENGTH_DELIMITED = 2;

/**
 * Counts before anything is built.
 * @throws {KeysideError} PAYLOAD_TOO_LARGE; whatever else is wrong with the bytes is left to the decoder
 */
export function assertFewItems(bytes: Uint8Array, nestedField: number): void {
  // Two bytes are the shortest item.
  if (bytes.length / 2 <= MAX_ITEMS) return;
  const reader = new BinaryReader(bytes);
  let items = 0;
  const count = (end: number, isTop: boolean): void => {
    while (reader.pos < end) {
      const tag = reader.uint32();
      items += 1;
      if (items > MAX_ITEMS) {
        throw new KeysideError('PAYLOAD_TOO_LARGE', `the request has more than ${MAX_ITEMS} fields and entries`, {
          details: { limitItems: MAX_ITEMS },
        });
      }
      if (isTop && tag >>> 3 === nestedField && (tag & 7) === LENGTH_DELIMITED) {
        const length = reader.uint32();
        count(Math.min(end, reader.pos + length), false);
      } else {
        reader.skip(tag & 7);
      }
    }
  };
  try {
    count(bytes.length, true);
  } catch (error) {
    if (error instanceof KeysideError) throw error;
  }
}
