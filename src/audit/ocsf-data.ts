import { isIP } from 'node:net';
import { canonicalize, quote } from './canonical-json.ts';
import type { CallFacts, DataEvent, KeyFacts } from './event.ts';
import { type DataTexts, dataTexts } from './ocsf-data-texts.ts';
import { correlationText } from './ocsf-metadata.ts';
import type { RecordPlace, RecordSource } from './record-place.ts';

/**
 * Datastore Activity (6005) for every document that was used. One is written for every call, so the line is put together by hand, its
 * names in canonical order, from texts that it shares with others (ocsf-data-texts.ts); a property test holds it against
 * `canonicalize`.
 */
export function dataLine(event: DataEvent, place: RecordPlace, source: RecordSource): string {
  const { call, durationMs } = event;
  const { sequence, timeMs } = place;
  const texts = dataTexts(event, source);
  return (
    `${texts.toRequester}${requesterText(call)}${texts.toDuration}${Math.round(durationMs)}` +
    `,"metadata":{${correlationText(call.traceId)}${texts.toLoggedTime}${timeMs}${texts.toSequence}${sequence}${texts.toUid}${sequence}` +
    `${texts.toAddress}${addressText(call)}${texts.toTime}${timeMs}${texts.toUnmapped}${unmappedText(event, place, texts)}}`
  );
}

/** After the name of the application. */
function requesterText({ requesterId }: CallFacts): string {
  return requesterId === '' ? '' : `,"user":{"uid":${quote(requesterId)}}`;
}

/** OCSF's longest address; what is not an address is a name. */
const MAX_IP_LENGTH = 40;

export function isAddress(text: string): boolean {
  return text.length <= MAX_IP_LENGTH && isIP(text) !== 0;
}

/** With the comma that follows. */
function addressText({ sourceIp }: CallFacts): string {
  return sourceIp === '' ? '' : `"${isAddress(sourceIp) ? 'ip' : 'name'}":${quote(sourceIp)},`;
}

function unmappedText(event: DataEvent, { checkpoint, previous, chainSequence }: RecordPlace, texts: DataTexts): string {
  const { call } = event;
  return (
    `{${attributesText(call)}"bytes":${event.bytes},"chain":{"checkpoint":${checkpoint},"previous":"${previous}",` +
    `"sequence":${chainSequence}${texts.chainEnd}${member('data_label', call.dataLabel)},` +
    `"duration_us":${Math.round(event.durationMs * 1_000)},"fields":${event.fields}${member('item_id', event.itemId)},` +
    `"keys":[${event.keys.length === 1 ? keyText(event.keys[0] as KeyFacts) : event.keys.map(keyText).join(',')}${texts.toObject}` +
    `${member('object_id', call.objectId)},"phase":"${event.phase}"${member('purpose', call.purpose)}` +
    `${member('request_id', call.requestId)}${member('subject_id', call.subjectId)}}`
  );
}

/** With the comma that follows. */
function attributesText({ attributes }: CallFacts): string {
  if (attributes.size === 0) return '';
  const texts = [...attributes].map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]);
  return `"attributes":${canonicalize(Object.fromEntries(texts))},`;
}

function member(name: string, value: string): string {
  return value === '' ? '' : `,"${name}":${quote(value)}`;
}

function keyText({ from, keyId, provider, keyVersion }: KeyFacts): string {
  return `{"from":"${from}","id":${quote(keyId)},"provider":${quote(provider)}${member('version', keyVersion)}}`;
}
