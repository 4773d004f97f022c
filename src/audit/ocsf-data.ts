import { isIP } from 'node:net';
import { canonicalize, quote } from './canonical-json.ts';
import type { CallFacts, DataEvent, KeyFacts } from './event.ts';
import { metadataText, unmappedChain } from './ocsf-metadata.ts';
import { ACTION_DENIED, outcomeFacts } from './ocsf-outcomes.ts';
import type { RecordPlace, RecordSource } from './record-place.ts';

/**
 * Datastore Activity (6005) for every document that was used. One is written for every call, so the line is put together by hand, its
 * names in canonical order; a property test holds it against `canonicalize`.
 */
const ACTIVITIES = {
  encrypt: '"activity_id":9,"activity_name":"Encrypt",',
  decrypt: '"activity_id":10,"activity_name":"Decrypt",',
  // The document stays what it was; the key block that is stored with it is written anew.
  rewrap: '"activity_id":2,"activity_name":"Update",',
} as const;

const TYPE_UIDS = { encrypt: 600_509, decrypt: 600_510, rewrap: 600_502 } as const;

export function dataLine(event: DataEvent, place: RecordPlace, source: RecordSource): string {
  const { kind, call, outcome, durationMs } = event;
  const { statusId, severityId, dispositionId } = outcomeFacts(outcome);
  const isDenial = dispositionId !== undefined;
  const tenant = quote(event.tenantId);
  const metadata = metadataText(
    { correlation: call.traceId, code: event.method, tenant, profile: isDenial ? 'security_control' : undefined },
    place,
    source,
  );
  return (
    `{${isDenial ? `"action_id":${ACTION_DENIED},` : ''}${ACTIVITIES[kind]}"actor":${actorText(call)},"category_uid":6,"class_uid":6005,` +
    `"database":{"type":"Tenant data","type_id":99,"uid":${tenant}},${isDenial ? `"disposition_id":${dispositionId},` : ''}` +
    `"duration":${Math.round(durationMs)},"metadata":${metadata},"severity_id":${severityId},"src_endpoint":${endpointText(call)},` +
    `"status_code":"${outcome}","status_id":${statusId},"time":${place.timeMs},"type_id":1,"type_uid":${TYPE_UIDS[kind]},` +
    `"unmapped":${unmappedText(event, place, source)}}`
  );
}

function actorText({ callerId, requesterId }: CallFacts): string {
  const app = quote(callerId || UNKNOWN_CALLER);
  return requesterId === '' ? `{"app_name":${app}}` : `{"app_name":${app},"user":{"uid":${quote(requesterId)}}}`;
}

/** What stands for a caller that was not found out. */
export const UNKNOWN_CALLER = 'unknown';

/** OCSF's longest address; what is not an address is a name. */
const MAX_IP_LENGTH = 40;

export function isAddress(text: string): boolean {
  return text.length <= MAX_IP_LENGTH && isIP(text) !== 0;
}

function endpointText({ callerId, sourceIp }: CallFacts): string {
  const service = quote(callerId || UNKNOWN_CALLER);
  if (sourceIp === '') return `{"svc_name":${service}}`;
  return `{"${isAddress(sourceIp) ? 'ip' : 'name'}":${quote(sourceIp)},"svc_name":${service}}`;
}

function unmappedText(event: DataEvent, place: RecordPlace, source: RecordSource): string {
  const { call } = event;
  return (
    `{${attributesText(call)}"bytes":${event.bytes},"chain":${unmappedChain(place, source)}${member('data_label', call.dataLabel)},` +
    `"duration_us":${Math.round(event.durationMs * 1_000)},"fields":${event.fields}${member('item_id', event.itemId)},` +
    `"keys":[${event.keys.map(keyText).join(',')}],"kind":"${event.kind}"${member('object_id', call.objectId)},` +
    `"phase":"${event.phase}"${member('purpose', call.purpose)}${member('request_id', call.requestId)}${member('subject_id', call.subjectId)}}`
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
