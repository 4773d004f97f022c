import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { CallMetadata } from '../src/index.ts';

/** What test/interop/README.md describes. */
export interface Scenarios {
  readonly documents: readonly { readonly id: string; readonly metadata: CallMetadata; readonly fields: Values }[];
  readonly batches: readonly BatchScenario[];
  readonly streams: readonly StreamScenario[];
  readonly ranges: readonly RangeScenario[];
  readonly errors: readonly ErrorScenario[];
}

export interface BatchScenario {
  readonly id: string;
  readonly metadata: CallMetadata;
  readonly documents: readonly {
    readonly id: string;
    readonly fields: Values;
    readonly context?: Readonly<Record<string, string>>;
  }[];
}

export interface StreamScenario {
  readonly id: string;
  readonly metadata: CallMetadata;
  readonly bytes: number;
  readonly seed: number;
  readonly detached: boolean;
}

export interface RangeScenario {
  readonly id: string;
  readonly stream: string;
  readonly offset: number;
  readonly length: number | null;
  readonly expected: number;
}

export interface ErrorScenario {
  readonly id: string;
  readonly call: 'encrypt' | 'decrypt' | 'rewrap' | 'checkKey' | 'logSecurityEvent';
  readonly document?: string;
  readonly change?: { readonly flip?: string; readonly edek?: string };
  readonly metadata?: Partial<CallMetadata>;
  readonly token?: string;
  readonly fields?: Values;
  readonly event?: string;
  readonly deadlineMs?: number;
  readonly reason: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly tenantId?: string;
  readonly keyId?: string;
}

type Value = { readonly text: string } | { readonly base64: string } | { readonly bytes: number; readonly seed: number };
type Values = Readonly<Record<string, Value>>;

/** A document as it lies in a writer's file, in base64. */
export interface WrittenDocument {
  readonly edek: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A writer's file. */
export interface Written {
  readonly documents: Readonly<Record<string, WrittenDocument>>;
  readonly batches: Readonly<Record<string, readonly (WrittenDocument & { readonly id: string })[]>>;
  readonly streams: Readonly<Record<string, { readonly edek: string; readonly body: string }>>;
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** Texts stay texts: the client is to make bytes of them. */
export function fieldsOf(values: Values): Map<string, Uint8Array | string> {
  return new Map(Object.entries(values).map(([name, value]) => [name, 'text' in value ? value.text : bytesOf(value)]));
}

export function plainOf(values: Values): Map<string, Uint8Array> {
  return new Map(Object.entries(values).map(([name, value]) => [name, bytesOf(value)]));
}

export function patterned(count: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, at) => (at * 31 + seed) % 251));
}

export function toWritten({ edek, fields }: { edek: Uint8Array; fields: ReadonlyMap<string, Uint8Array> }): WrittenDocument {
  return { edek: base64(edek), fields: Object.fromEntries([...fields].map(([name, value]) => [name, base64(value)])) };
}

export function fromWritten({ edek, fields }: WrittenDocument): { edek: Uint8Array; fields: Map<string, Uint8Array> } {
  return {
    edek: Buffer.from(edek, 'base64'),
    fields: new Map(Object.entries(fields).map(([name, value]) => [name, Buffer.from(value, 'base64')])),
  };
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function bytesOf(value: Value): Buffer {
  if ('text' in value) return Buffer.from(value.text);
  return 'base64' in value ? Buffer.from(value.base64, 'base64') : patterned(value.bytes, value.seed);
}
