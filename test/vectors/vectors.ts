import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { ErrorReason } from '../../src/core/errors.ts';

/** Bytes in hex, as every vector holds them; texts are hex of their UTF-8, or of bytes that are none. */
export type Hex = string;

export type Pairs = readonly (readonly [key: Hex, value: Hex])[];

interface Named {
  readonly name: string;
}

export interface ExpandVector extends Named {
  readonly key: Hex;
  readonly info: Hex;
  readonly length: number;
}

export interface ContextVector extends Named {
  readonly tenant: Hex;
  readonly label: Hex;
  readonly pairs: Pairs;
}

/** For whom a wrap is made. */
export interface BoundVector extends Named {
  readonly tenant: Hex;
  readonly configuration: Hex;
  readonly share: number;
  readonly n: number;
}

export interface WrapFields {
  readonly provider: number;
  readonly algorithm: number;
  readonly configuration: Hex;
  readonly version: Hex;
  readonly share: number;
  readonly n: number;
  readonly wrapped: Hex;
}

export interface SealedField {
  readonly name: Hex;
  readonly sealed: Hex;
}

export interface FieldVector extends SealedField {
  readonly version: 1 | 2;
  readonly plaintext: Hex;
  /** Version 1: the nonce; version 2: the salt. */
  readonly fresh: Hex;
}

export interface KekVector {
  readonly configuration: Hex;
  readonly version: Hex;
  readonly kek: Hex;
}

/** A valid EDEK or object header, with all that went into it. */
export interface HeaderVector extends ContextVector {
  readonly dataKey: Hex;
  readonly keks: readonly KekVector[];
  readonly salt: Hex;
  readonly keyBlock: Hex;
  readonly key: Hex;
  readonly commitment: Hex;
  readonly edek: Hex;
}

export interface DocumentVector extends HeaderVector {
  readonly fields: readonly FieldVector[];
}

/** A body whose plaintext's byte i is i mod 251. */
export interface BodyVector extends Named {
  readonly key: Hex;
  readonly salt: Hex;
  readonly size: number;
  readonly prefix: Hex;
  readonly tags: readonly Hex[];
  readonly bodySize: number;
  readonly bodySha512: Hex;
}

/** What a reader is given; `label` is null where it states none. */
export interface ReadVector extends Named {
  readonly tenant: Hex;
  readonly label: Hex | null;
  readonly pairs: Pairs;
  readonly dataKey: Hex;
  readonly edek: Hex;
  readonly fields?: readonly SealedField[];
}

export interface UnwrapVector extends Omit<ReadVector, 'dataKey'> {
  readonly keks: readonly KekVector[];
}

export interface MutationVector extends Named {
  readonly bytes: Hex;
  /** One letter for each bit, the highest of the first byte first: Malformed, Rejected, Identical. */
  readonly flipped: string;
  /** One letter for each shorter length, from 0. */
  readonly cut: string;
}

export interface MustFail {
  readonly reason: ErrorReason;
}

/** The shape of each file of this folder. */
interface Files {
  readonly 'expand.json': {
    readonly valid: readonly (ExpandVector & { readonly output: Hex })[];
    readonly mustFail: readonly ExpandVector[];
  };
  readonly 'context.json': {
    readonly valid: readonly (ContextVector & { readonly context: Hex })[];
    readonly mustFail: readonly (ContextVector & MustFail)[];
  };
  readonly 'wrap-context.json': { readonly valid: readonly (BoundVector & { readonly wrapContext: Hex })[] };
  readonly 'wrap.json': {
    readonly local: readonly (BoundVector & {
      readonly kek: Hex;
      readonly dataKey: Hex;
      readonly salt: Hex;
      readonly wrapped: Hex;
    })[];
    readonly aesKwp: readonly (BoundVector & {
      readonly kek: Hex;
      readonly dataKey: Hex;
      readonly payload: Hex;
      readonly wrapped: Hex;
    })[];
    readonly rsa: readonly (BoundVector & { readonly originKey: Hex; readonly dataKey: Hex; readonly payload: Hex })[];
    readonly localMustFail: readonly (BoundVector & MustFail & { readonly kek: Hex; readonly wrapped: Hex })[];
  };
  readonly 'key-block.json': {
    readonly valid: readonly (Named & { readonly wraps: readonly WrapFields[]; readonly block: Hex })[];
    readonly mustFail: readonly (Named & MustFail & { readonly block: Hex })[];
  };
  readonly 'document.json': {
    readonly valid: readonly DocumentVector[];
    readonly mustFail: readonly (ReadVector & MustFail)[];
  };
  readonly 'object-header.json': {
    readonly valid: readonly HeaderVector[];
    readonly mustFail: readonly (ReadVector & MustFail)[];
  };
  readonly 'object-body.json': { readonly valid: readonly BodyVector[] };
  readonly 'unwrap.json': {
    readonly valid: readonly UnwrapVector[];
    readonly mustFail: readonly (UnwrapVector & MustFail)[];
  };
  readonly 'mutation.json': {
    readonly source: readonly [DocumentVector];
    readonly document: readonly MutationVector[];
    readonly keyBlock: readonly MutationVector[];
  };
}

/** @throws {Error} where the file is not of this format */
export function readVectors<F extends keyof Files>(file: F): Files[F] {
  const content = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
  if (content.format !== 'keyside v1') throw new Error(`${file} is not of the format keyside v1`);
  return content;
}

export function fromHex(hex: Hex): Buffer {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length * 2 !== hex.length) throw new Error('a vector holds what is not hex');
  return bytes;
}
