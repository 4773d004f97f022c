import { TAG_BYTES } from '../cipher/cipher.ts';
import { COMMITMENT_BYTES, SALT_BYTES } from './header.ts';

/** The layout of an object's body (docs/format.md, section 5): prefix, then chunks. Every size here fits a safe integer. */

/** Plaintext of every chunk but the last, which is always shorter. */
export const CHUNK_BYTES = 16_384;
/** A full chunk with its tag. */
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
/** The body's salt and commitment. */
export const BODY_PREFIX_BYTES = SALT_BYTES + COMMITMENT_BYTES;
/** Chunk indices have 38 bits (C2SP chunked-encryption). */
export const MAX_CHUNKS = 2 ** 38;
/** The largest object: all chunks but the last are full, and the last is one byte short of it. */
export const MAX_OBJECT_BYTES = MAX_CHUNKS * CHUNK_BYTES - 1;
