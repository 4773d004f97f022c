import { Buffer } from 'node:buffer';
import { KeysideError } from '../core/errors.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';

const MAX_TEXT_BYTES = 1024;
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_KEY_BYTES = 128;
/** Of all keys and values together. */
const MAX_ATTRIBUTES_BYTES = 8_192;
/** Each takes six bytes of a record, and some receivers of records end a line or a text at one. */
const CONTROL = /\p{Cc}/u;

const TEXT_FIELDS = [
  ['requester_id', 'requesterId'],
  ['data_label', 'dataLabel'],
  ['request_id', 'requestId'],
  ['source_ip', 'sourceIp'],
  ['object_id', 'objectId'],
  ['purpose', 'purpose'],
  ['subject_id', 'subjectId'],
] as const;

/** Metadata whose sizes were checked; what was left out is empty. */
export interface ParsedMetadata extends Readonly<Record<(typeof TEXT_FIELDS)[number][1], string>> {
  readonly attributes: ReadonlyMap<string, string>;
}

/** Of a request without any. */
export const NO_METADATA: ParsedMetadata = {
  requesterId: '',
  dataLabel: '',
  requestId: '',
  sourceIp: '',
  objectId: '',
  purpose: '',
  subjectId: '',
  attributes: new Map(),
};

/** @throws {KeysideError} REQUEST_INVALID, naming the field */
export function parseMetadata(metadata: RequestMetadata | undefined): ParsedMetadata {
  if (metadata === undefined) return NO_METADATA;
  for (const [name, field] of TEXT_FIELDS) checkText(name, metadata[field]);
  if (metadata.attributes.size > MAX_ATTRIBUTES) {
    throw new KeysideError('REQUEST_INVALID', `metadata.attributes has more than ${MAX_ATTRIBUTES} entries`);
  }
  if (metadata.attributes.size > 0) checkAttributes(metadata.attributes);
  return metadata;
}

function checkText(name: string, value: string): void {
  if (value === '') return;
  checkLength(`metadata.${name}`, value, MAX_TEXT_BYTES);
  checkCharacters(`metadata.${name}`, `metadata.${name}`, value);
}

function checkAttributes(attributes: ReadonlyMap<string, string>): void {
  const field = 'metadata.attributes';
  let total = 0;
  for (const [key, value] of attributes) {
    checkLength(`a key of ${field}`, key, MAX_ATTRIBUTE_KEY_BYTES);
    checkLength(`a value of ${field}`, value, MAX_TEXT_BYTES);
    checkCharacters(field, `a key of ${field}`, key);
    checkCharacters(field, `a value of ${field}`, value);
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total <= MAX_ATTRIBUTES_BYTES) return;
  throw new KeysideError('REQUEST_INVALID', `${field} exceed ${MAX_ATTRIBUTES_BYTES} bytes together`, {
    details: { field, limitBytes: MAX_ATTRIBUTES_BYTES },
  });
}

function checkCharacters(field: string, what: string, value: string): void {
  if (CONTROL.test(value)) throw new KeysideError('REQUEST_INVALID', `${what} has a control character`, { details: { field } });
}

function checkLength(what: string, value: string, limitBytes: number): void {
  // Three bytes a UTF-16 unit at most: short texts need no count.
  if (value.length * 3 <= limitBytes || Buffer.byteLength(value) <= limitBytes) return;
  throw new KeysideError('REQUEST_INVALID', `${what} exceeds ${limitBytes} bytes`, { details: { limitBytes } });
}
