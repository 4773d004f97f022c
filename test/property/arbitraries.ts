import fc from 'fast-check';
import { type EncryptionContext, encodeContext } from '../../src/core/encryption-context.ts';
import { type KeyConfigurationId, parseKeyConfigurationId, parseTenantId } from '../../src/core/ids.ts';
import { SecretBytes } from '../../src/core/secret-bytes.ts';
import { createDocument, openDocument } from '../../src/envelope/document.ts';
import { type OpenDocument, openField, sealAddedField, sealNewField } from '../../src/envelope/field.ts';
import { parseHeader } from '../../src/envelope/header.ts';
import { encodeKeyBlock, type KeyBlock, type StoredWrap } from '../../src/envelope/key-block.ts';
import { bothCiphers } from '../fakes/both-ciphers.ts';

export const cipher = bothCiphers();

/** Any text that UTF-8 can hold, with what trips encoders and objects mixed in. */
export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toString',
    '\0',
    '\ufeff',
    '\ufffd',
    '\uffff',
    '\ue000',
    '\u{1f511}',
    '\u00e9',
    'e\u0301',
  ),
);

export const id = fc.string({ unit: fc.constantFrom(...'abAB09._:@-'), minLength: 1, maxLength: 128 });

export const encryptionContext: fc.Arbitrary<EncryptionContext> = fc.record({
  tenantId: id.map((value) => parseTenantId(value)),
  dataLabel: fc.oneof(text, fc.string({ unit: 'binary', maxLength: 256 })),
  pairs: fc.array(fc.tuple(text, text), { maxLength: 64 }).map((entries) => new Map(entries)),
});

export const bytes = fc.uint8Array({ maxLength: 64 });

export const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** A field's plaintext, and whether it is written with its document or added later. */
export interface FieldToWrite {
  readonly plaintext: Uint8Array;
  readonly version: 1 | 2;
}

export const fieldToWrite: fc.Arbitrary<FieldToWrite> = fc.record({ plaintext: bytes, version: fc.constantFrom(1, 2) });

export const fields: fc.Arbitrary<ReadonlyMap<string, FieldToWrite>> = fc
  .array(fc.tuple(text, fieldToWrite), { maxLength: 8 })
  .map((entries) => new Map(entries));

/** Wraps that form a key block: alternatives, or complete shares with an alternative now and then. */
export const wraps: fc.Arbitrary<readonly StoredWrap[]> = fc
  .tuple(
    fc.oneof(fc.constant(0), fc.integer({ min: 2, max: 16 })),
    fc.array(
      fc.record({
        provider: fc.nat(255),
        algorithm: fc.nat(255),
        keyVersion: fc.string({ unit: fc.constantFrom(...'0a-!~'), maxLength: 64 }),
        ciphertext: fc.uint8Array({ minLength: 1, maxLength: 48 }),
      }),
      { minLength: 16, maxLength: 16 },
    ),
    fc.integer({ min: 1, max: 16 }),
  )
  .map(([shareCount, parts, count]) =>
    parts.slice(0, Math.max(count, shareCount)).map((part, at) => ({
      ...part,
      configurationId: `key-${at}` as KeyConfigurationId,
      share: shareCount === 0 ? 0 : 1 + (at % shareCount),
      shareCount,
    })),
  );

export const keyBlock: fc.Arbitrary<KeyBlock> = wraps.map((list) => encodeKeyBlock(list));

/** A document as the application stores it, with what a reader needs. */
export interface StoredDocument {
  readonly edek: Uint8Array;
  readonly sealed: ReadonlyMap<string, Uint8Array>;
  readonly dataKey: Uint8Array;
  readonly context: EncryptionContext;
}

export interface DocumentToWrite {
  readonly dataKey: Uint8Array;
  readonly context: EncryptionContext;
  readonly keyBlock: KeyBlock;
  readonly fields: ReadonlyMap<string, FieldToWrite>;
}

export const documentToWrite: fc.Arbitrary<DocumentToWrite> = fc.record({
  dataKey: key,
  context: encryptionContext,
  keyBlock,
  fields,
});

/** A short key block with an alternative: what the tests that try every bit use. */
export const shortKeyBlock = encodeKeyBlock(
  ['a', 'b'].map((configuration) => ({
    provider: 1,
    algorithm: 5,
    configurationId: parseKeyConfigurationId(configuration),
    keyVersion: '1',
    share: 0,
    shareCount: 0,
    ciphertext: Uint8Array.of(7, 8),
  })),
);

export function write(given: DocumentToWrite): StoredDocument {
  const { document, edek } = createDocument(cipher, SecretBytes.copyOf(given.dataKey), {
    dataLabel: given.context.dataLabel,
    context: encodeContext(given.context),
    keyBlock: given.keyBlock,
  });
  const sealed = new Map<string, Uint8Array>();
  for (const [name, { plaintext, version }] of given.fields) {
    sealed.set(name, (version === 1 ? sealNewField : sealAddedField)(document, name, plaintext));
  }
  return { edek, sealed, dataKey: given.dataKey, context: given.context };
}

/** Opens a stored document by what is stored and given; the label is the stored one. Undefined where the commitment differs. */
export function open(stored: StoredDocument): OpenDocument | undefined {
  const header = parseHeader(stored.edek);
  const context = encodeContext({ ...stored.context, dataLabel: header.dataLabel });
  return openDocument(cipher, SecretBytes.copyOf(stored.dataKey), { header, context });
}

/** All plaintexts, or undefined where anything is rejected. Throws KeysideError EDEK_MALFORMED as the parser does. */
export function read(stored: StoredDocument): Map<string, Uint8Array> | undefined {
  const document = open(stored);
  if (document === undefined) return undefined;
  const plaintexts = new Map<string, Uint8Array>();
  for (const [name, sealed] of stored.sealed) {
    const plaintext = openField(document, name, sealed);
    if (plaintext === undefined) return undefined;
    plaintexts.set(name, plaintext);
  }
  return plaintexts;
}
