import { Buffer } from 'node:buffer';
import { KeysideError } from '../core/errors.ts';
import type { RequestMetadata } from '../gen/keyside/v1/metadata.ts';

const MAX_TEXT_BYTES = 1024;
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_KEY_BYTES = 128;

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
  for (const [name, field] of TEXT_FIELDS) checkLength(`metadata.${name}`, metadata[field], MAX_TEXT_BYTES);
  if (metadata.attributes.size > MAX_ATTRIBUTES) {
    throw new KeysideError('REQUEST_INVALID', `metadata.attributes has more than ${MAX_ATTRIBUTES} entries`);
  }
  for (const [key, value] of metadata.attributes) {
    checkLength('a key of metadata.attributes', key, MAX_ATTRIBUTE_KEY_BYTES);
    checkLength('a value of metadata.attributes', value, MAX_TEXT_BYTES);
  }
  return metadata;
}

function checkLength(what: string, value: string, limitBytes: number): void {
  // Three bytes a UTF-16 unit at most: short texts need no count.
  if (value.length * 3 <= limitBytes || Buffer.byteLength(value) <= limitBytes) return;
  throw new KeysideError('REQUEST_INVALID', `${what} exceeds ${limitBytes} bytes`, { details: { limitBytes } });
}
