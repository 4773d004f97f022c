import { encodeContext } from '../../../src/core/encryption-context.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { derive } from '../../../src/envelope/derive.ts';
import { encodeHeader, type HeaderKind, parseHeader } from '../../../src/envelope/header.ts';
import { encodeKeyBlock, type StoredWrap } from '../../../src/envelope/key-block.ts';
import { decrypt } from '../../../src/service/decrypt.ts';
import { encrypt } from '../../../src/service/encrypt.ts';
import { type Rewrapped, rewrap } from '../../../src/service/rewrap.ts';
import type { DocumentRequest, EncryptedDocument } from '../../../src/service/service.ts';
import { FakeCallScope } from '../../fakes/call-scope.ts';
import type { World } from '../../fakes/world.ts';

/** What a test says of a request; what it leaves out is acme's, without label and context. */
export interface Asking {
  readonly tenant?: string;
  readonly fields?: Readonly<Record<string, string>> | ReadonlyMap<string, Uint8Array>;
  readonly edek?: Uint8Array;
  readonly context?: Readonly<Record<string, string>>;
  readonly label?: string;
  readonly target?: string;
  readonly scope?: FakeCallScope;
}

export function requestOf({
  tenant = 'acme',
  fields = {},
  edek = new Uint8Array(),
  context = {},
  label = '',
}: Asking): DocumentRequest {
  const bytes = fields instanceof Map ? fields : new Map(Object.entries(fields).map(([name, text]) => [name, Buffer.from(text)]));
  return { tenantId: parseTenantId(tenant), fields: bytes, edek, context: new Map(Object.entries(context)), dataLabel: label };
}

export async function encryptFor(world: World, asking: Asking): Promise<EncryptedDocument> {
  return encrypt(world, requestOf(asking), asking.scope ?? new FakeCallScope());
}

/** The plaintexts as text, by name. */
export async function decryptFor(world: World, asking: Asking): Promise<Record<string, string>> {
  const { fields } = await decrypt(world, requestOf(asking), asking.scope ?? new FakeCallScope());
  return Object.fromEntries([...fields].map(([name, value]) => [name, Buffer.from(value).toString()]));
}

export function rewrapFor(world: World, asking: Asking): Promise<Rewrapped> {
  const targetKeyId = asking.target === undefined ? undefined : parseKeyConfigurationId(asking.target);
  return rewrap(world, { ...requestOf(asking), targetKeyId }, asking.scope ?? new FakeCallScope());
}

export function wrapsOf(edek: Uint8Array): readonly StoredWrap[] {
  return parseHeader(edek).keyBlock.wraps;
}

/** The same EDEK with other wraps: a forgery, unless the wraps are of the same data key. */
export function withWraps(edek: Uint8Array, change: (wraps: readonly StoredWrap[]) => readonly StoredWrap[]): Uint8Array {
  const header = parseHeader(edek);
  return encodeHeader({ ...header, keyBlock: encodeKeyBlock(change(header.keyBlock.wraps)) });
}

/** An EDEK or object header over given wraps, as the daemon would have made it: every byte of the data key is `value`. */
export function headerOver(
  world: World,
  wraps: readonly StoredWrap[],
  {
    kind = 'document',
    value,
    tenant = 'acme',
    label = '',
  }: { kind?: HeaderKind; value: number; tenant?: string; label?: string },
): Uint8Array {
  using dataKey = SecretBytes.own(new Uint8Array(32).fill(value));
  const salt = world.cipher.random(24);
  const context = encodeContext({ tenantId: parseTenantId(tenant), dataLabel: label, pairs: new Map() });
  const { commitment } = derive(world.cipher, dataKey, { kind, salt, context });
  return encodeHeader({ kind, dataLabel: label, salt, commitment, keyBlock: encodeKeyBlock(wraps) });
}
