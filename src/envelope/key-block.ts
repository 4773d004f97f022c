import { ByteReader } from '../core/byte-reader.ts';
import { ByteWriter } from '../core/byte-writer.ts';
import { ID_PATTERN, type KeyConfigurationId } from '../core/ids.ts';
import { MAX_KEY_VERSION_BYTES } from '../core/providers.ts';
import { malformed, parsing } from './malformed.ts';

/** Most wraps in a block, and the largest share number (docs/format.md, section 3). */
const MAX_WRAPS = 16;
const MAX_WRAPPED_BYTES = 8192;
/** As `ID_PATTERN` has it; checked before any text is built. */
const MAX_ID_BYTES = 128;

/** One wrap as it is stored. Its fields are claims until the configuration and the KMS confirmed them. */
export interface StoredWrap {
  readonly provider: number;
  readonly algorithm: number;
  readonly configurationId: KeyConfigurationId;
  readonly keyVersion: string;
  /** 0 where this wrap alone yields the data key; else 1..shareCount. */
  readonly share: number;
  /** 0, or 2..16. */
  readonly shareCount: number;
  readonly ciphertext: Uint8Array;
}

export interface KeyBlock {
  /** The block as stored; part of the cache's key. */
  readonly bytes: Uint8Array;
  /** In stored order; at least one; shares complete; no duplicates. */
  readonly wraps: readonly StoredWrap[];
  /** 0, or the number of shares that are all needed. */
  readonly shareCount: number;
}

/**
 * Parses a whole key block. Nothing is allocated from a declared length: wraps are views of `bytes`.
 * @throws {KeysideError} EDEK_MALFORMED
 */
export function parseKeyBlock(bytes: Uint8Array): KeyBlock {
  return parsing(() => {
    const reader = new ByteReader(bytes);
    const count = reader.u8('key block');
    if (count < 1 || count > MAX_WRAPS) throw malformed(`the key block's count is not 1 to ${MAX_WRAPS}`);
    const wraps: StoredWrap[] = [];
    for (let at = 0; at < count; at++) wraps.push(parseWrap(reader));
    if (reader.remaining > 0) throw malformed('bytes follow the key block');
    return { bytes, wraps, shareCount: checkShares(wraps) };
  });
}

/**
 * Encodes wraps of one kind.
 * Precondition: the wraps would parse; a block that this daemon could not read again is a fault here, not later.
 * @throws {RangeError} where it would not: a fault of ours or of a KMS, never of the caller's bytes, hence not EDEK_MALFORMED
 */
export function encodeKeyBlock(wraps: readonly StoredWrap[]): KeyBlock {
  const writer = new ByteWriter().u8(wraps.length);
  for (const wrap of wraps) {
    writer.u8(wrap.provider).u8(wrap.algorithm).lp(wrap.configurationId).lp(wrap.keyVersion);
    writer.u8(wrap.share).u8(wrap.shareCount).lp(wrap.ciphertext);
  }
  try {
    return parseKeyBlock(writer.finish());
  } catch (cause) {
    throw new RangeError('the wraps do not form a key block', { cause });
  }
}

function parseWrap(reader: ByteReader): StoredWrap {
  const provider = reader.u8('wrap');
  const algorithm = reader.u8('wrap');
  const configurationId = ascii(reader.lp('configuration id'), 'configuration id', MAX_ID_BYTES);
  if (!ID_PATTERN.test(configurationId)) throw malformed("a wrap's configuration id is not of its form");
  const keyVersion = ascii(reader.lp('key version'), 'key version', MAX_KEY_VERSION_BYTES);
  const share = reader.u8('wrap');
  const shareCount = reader.u8('wrap');
  const ciphertext = reader.lp('wrapped key');
  if (ciphertext.length < 1 || ciphertext.length > MAX_WRAPPED_BYTES) {
    throw malformed(`a wrapped key is not 1 to ${MAX_WRAPPED_BYTES} bytes`);
  }
  return {
    provider,
    algorithm,
    configurationId: configurationId as KeyConfigurationId,
    keyVersion,
    share,
    shareCount,
    ciphertext,
  };
}

/** Ids and versions are printable ASCII: no decoder can read them in two ways. */
function ascii(bytes: Uint8Array, what: string, limitBytes: number): string {
  if (bytes.length > limitBytes) throw malformed(`a wrap's ${what} exceeds ${limitBytes} bytes`);
  let text = '';
  for (const byte of bytes) {
    if (byte < 0x21 || byte > 0x7e) throw malformed(`a wrap's ${what} is not printable ASCII`);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** One kind, one n, every share there, one custodian a share, no duplicates. Returns n. */
function checkShares(wraps: readonly StoredWrap[]): number {
  const shareCount = (wraps[0] as StoredWrap).shareCount;
  if (shareCount === 1 || shareCount > MAX_WRAPS) throw malformed(`a key block has no shares, or 2 to ${MAX_WRAPS}`);
  const shareOf = new Map<string, number>();
  const seen = new Set<string>();
  const shares = new Set<number>();
  for (const wrap of wraps) {
    if (wrap.shareCount !== shareCount) throw malformed('a key block mixes wraps of different kinds');
    if (shareCount === 0 ? wrap.share !== 0 : wrap.share < 1 || wrap.share > shareCount) {
      throw malformed("a wrap's share is out of range");
    }
    const identity = `${wrap.configurationId} ${wrap.keyVersion} ${wrap.share}`;
    if (seen.has(identity)) throw malformed('a key block has the same wrap twice');
    seen.add(identity);
    if ((shareOf.get(wrap.configurationId) ?? wrap.share) !== wrap.share) {
      throw malformed('one key configuration carries two shares');
    }
    shareOf.set(wrap.configurationId, wrap.share);
    shares.add(wrap.share);
  }
  if (shareCount > 0 && shares.size !== shareCount) throw malformed('a key block lacks a share');
  return shareCount;
}
