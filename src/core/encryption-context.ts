import { Buffer } from 'node:buffer';
import { ByteWriter } from './byte-writer.ts';
import { KeysideError } from './errors.ts';
import type { KeyConfigurationId, TenantId } from './ids.ts';
import { compareUtf8 } from './text.ts';

/** LP("tenant"). */
const TENANT_LP = new ByteWriter(8).lp('tenant').finish();
const MAX_CONTEXT_PAIRS = 64;
const MAX_CONTEXT_BYTES = 8 * 1024;
export const MAX_LABEL_BYTES = 1024;

/** What a document is bound to besides its key. The pairs and the tenant are not stored. */
export interface EncryptionContext {
  readonly tenantId: TenantId;
  readonly dataLabel: string;
  readonly pairs: ReadonlyMap<string, string>;
}

/**
 * The canonical bytes of a context (docs/format.md, section 2).
 * @throws {KeysideError} REQUEST_INVALID where there are more than 64 pairs, more than 8 KiB, a label beyond 1,024 bytes, or text
 * that UTF-8 cannot hold
 */
export function encodeContext(context: EncryptionContext): Uint8Array {
  checkText(context.dataLabel, 'data_label', MAX_LABEL_BYTES);
  if (context.pairs.size > MAX_CONTEXT_PAIRS) {
    throw new KeysideError(
      'REQUEST_INVALID',
      `context has ${context.pairs.size} pairs, at most ${MAX_CONTEXT_PAIRS} are allowed`,
    );
  }
  // Ids are ASCII: a byte a character.
  const bytes = TENANT_LP.length + 2 + context.tenantId.length + 2 + context.dataLabel.length * 3 + 2;
  const writer = new ByteWriter(context.pairs.size === 0 ? bytes : 512).bytes(TENANT_LP).lp(context.tenantId);
  writer.lp(context.dataLabel).u16(context.pairs.size);
  if (context.pairs.size === 0) return writer.view();
  let total = 0;
  for (const key of [...context.pairs.keys()].sort(compareUtf8)) {
    const value = context.pairs.get(key) as string;
    checkText(key, 'a key of context', MAX_CONTEXT_BYTES);
    checkText(value, 'a value of context', MAX_CONTEXT_BYTES);
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
    if (total > MAX_CONTEXT_BYTES) {
      throw new KeysideError('REQUEST_INVALID', `context holds more than ${MAX_CONTEXT_BYTES} bytes`, {
        details: { limitBytes: MAX_CONTEXT_BYTES },
      });
    }
    writer.lp(key).lp(value);
  }
  return writer.finish();
}

function checkText(value: string, what: string, limitBytes: number): void {
  if (!value.isWellFormed()) throw new KeysideError('REQUEST_INVALID', `${what} is not valid UTF-8`);
  if (Buffer.byteLength(value) > limitBytes) {
    throw new KeysideError('REQUEST_INVALID', `${what} exceeds ${limitBytes} bytes`, { details: { limitBytes } });
  }
}

/** For whom a data key (or share of one) is wrapped: the KMS binds it and names it in the customer's own log. */
export interface WrapContext {
  readonly tenantId: TenantId;
  readonly configurationId: KeyConfigurationId;
  /** 0 where this wrap alone yields the data key; else 1..shareCount. */
  readonly share: number;
  /** 0, or 2..16. */
  readonly shareCount: number;
}

/** The bytes given to a KMS as additional data (docs/format.md, section 2). */
export function encodeWrapContext(context: WrapContext): Uint8Array {
  return new ByteWriter(96)
    .text('keyside.dev/wrap@v1')
    .u8(0)
    .lp(context.tenantId)
    .lp(context.configurationId)
    .u8(context.share)
    .u8(context.shareCount)
    .finish();
}
