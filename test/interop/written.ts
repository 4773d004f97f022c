import type { DocumentScenario, Scenarios } from './scenarios.ts';

/** Whether there is a file of that name in the folder of what is exchanged, and how long it is. */
export type FileSize = (name: string) => number | undefined;

/** What a writer's file lacks or has beyond what README.md says, one line each; empty where it is whole. */
export function faultsOfWritten(file: unknown, scenarios: Scenarios, sizeOf: FileSize): readonly string[] {
  if (!isObject(file)) return ['is not an object of JSON'];
  const documents = partOf(file, 'documents', scenarios.documents);
  const batches = partOf(file, 'batches', scenarios.batches);
  const streams = partOf(file, 'streams', scenarios.streams);
  return [
    ...[documents, batches, streams].flatMap(({ faults }) => faults),
    ...documents.found.flatMap(([{ id, fields }, entry]) => documentFaults(`document ${id}`, entry, Object.keys(fields))),
    ...batches.found.flatMap(([{ id, documents: items }, entry]) => batchFaults(`batch ${id}`, entry, items)),
    ...streams.found.flatMap(([stream, entry]) => streamFaults(stream, entry, sizeOf)),
  ];
}

interface Part<S> {
  readonly faults: readonly string[];
  readonly found: readonly (readonly [scenario: S, entry: unknown])[];
}

function partOf<S extends { readonly id: string }>(file: object, name: string, scenarios: readonly S[]): Part<S> {
  const part = own(file, name);
  if (!isObject(part)) return { faults: [`has no ${name}`], found: [] };
  const missing = scenarios.filter(({ id }) => !Object.hasOwn(part, id));
  const known = new Set(scenarios.map(({ id }) => id));
  const unknown = Object.keys(part).filter((id) => !known.has(id));
  return {
    faults: [
      ...missing.map(({ id }) => `${name}: ${id} is missing`),
      ...unknown.map((id) => `${name}: ${JSON.stringify(id)} is none of the scenarios`),
    ],
    found: scenarios.filter(({ id }) => Object.hasOwn(part, id)).map((scenario) => [scenario, own(part, scenario.id)]),
  };
}

function documentFaults(what: string, entry: unknown, names: readonly string[]): readonly string[] {
  const [edek, fields] = isObject(entry) ? [own(entry, 'edek'), own(entry, 'fields')] : [];
  if (!isBytes(edek) || edek === '') return [`${what} has no edek in base64`];
  if (!isObject(fields)) return [`${what} has no fields`];
  const unknown = Object.keys(fields).filter((name) => !names.includes(name));
  return [
    ...names.filter((name) => !isBytes(own(fields, name))).map((name) => `${what} lacks field ${JSON.stringify(name)}`),
    ...unknown.map((name) => `${what} has a field ${JSON.stringify(name)} that was not encrypted`),
  ];
}

function batchFaults(what: string, entry: unknown, items: readonly DocumentScenario[]): readonly string[] {
  if (!Array.isArray(entry) || entry.length !== items.length) return [`${what} is no list of ${items.length}`];
  return items.flatMap(({ id, fields }, index) => {
    const item: unknown = entry[index];
    const itsId = isObject(item) ? own(item, 'id') : undefined;
    const where = `${what}, item ${index}`;
    if (itsId !== id) return [`${where} has the id ${JSON.stringify(itsId)} and not ${JSON.stringify(id)}`];
    return documentFaults(where, item, Object.keys(fields));
  });
}

/** Of a body (docs/format.md, section 5): salt and commitment, and a tag for each chunk. */
const [BODY_START_BYTES, CHUNK_BYTES, TAG_BYTES] = [56, 16_384, 16];

function streamFaults(stream: Scenarios['streams'][number], entry: unknown, sizeOf: FileSize): readonly string[] {
  const what = `stream ${stream.id}`;
  const [edek, body] = isObject(entry) ? [own(entry, 'edek'), own(entry, 'body')] : [];
  if (!isBytes(edek) || edek === '') return [`${what} has no edek in base64`];
  const size = typeof body === 'string' ? sizeOf(body) : undefined;
  if (size === undefined) return [`${what} has no file ${JSON.stringify(body)}`];
  const headerBytes = stream.detached ? 0 : Buffer.from(edek, 'base64').length;
  const chunks = Math.floor(stream.bytes / CHUNK_BYTES) + 1;
  const expected = headerBytes + BODY_START_BYTES + stream.bytes + chunks * TAG_BYTES;
  return size === expected ? [] : [`${what} has a file of ${size} bytes and not ${expected}`];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name may be that of something every object inherits. */
function own(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

function isBytes(value: unknown): value is string {
  return typeof value === 'string' && Buffer.from(value, 'base64').toString('base64') === value;
}
