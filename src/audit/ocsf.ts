import { canonicalize, type Json, quote } from './canonical-json.ts';
import type {
  AuditEvent,
  CallEvent,
  CallFacts,
  ConfigurationEvent,
  EventKind,
  KeyEvent,
  LifecycleEvent,
  SecurityEvent,
} from './event.ts';
import { dataLine, isAddress } from './ocsf-data.ts';
import { UNKNOWN_CALLER } from './ocsf-data-texts.ts';
import { metadataText, unmappedChain } from './ocsf-metadata.ts';
import { ACTION_DENIED, outcomeFacts, SEVERITY } from './ocsf-outcomes.ts';
import type { RecordPlace, RecordSource } from './record-place.ts';
import { OCSF_CLASS, securityMapping } from './security-events.ts';

/** Whose chain an event's record belongs to: its tenant's id, or empty for the daemon's own. */
export function chainOf(event: AuditEvent): string {
  return event.kind === 'lifecycle' ? '' : (event.tenantId ?? '');
}

/** The record of an event: OCSF as canonical JSON, without a line feed (docs/audit-record.md). */
export function recordLine(event: AuditEvent, place: RecordPlace, source: RecordSource): string {
  switch (event.kind) {
    case 'encrypt':
    case 'decrypt':
    case 'rewrap':
      return dataLine(event, place, source);
    case 'key':
      return compose('method' in event ? callRecord(event) : keyRecord(event, source), place, source);
    case 'configuration':
      return compose(configurationRecord(event, source), place, source);
    case 'lifecycle':
      return compose(lifecycleRecord(event, source), place, source);
    case 'security':
      return compose('method' in event ? callRecord(event) : securityRecord(event), place, source);
  }
}

/** What proves a chain's head (docs/audit-record.md, `unmapped.checkpoint`). */
export interface CheckpointProof {
  readonly key: string;
  readonly publicKey: string;
  readonly signature: string;
  /** What was signed, as canonical JSON. */
  readonly statement: string;
  readonly leaf: { readonly index: number; readonly sequence: number };
  /** In base64url. */
  readonly siblings: readonly string[];
}

/** The record by which a checkpoint stands in a chain: put together by hand, as there is one for every tenant. */
export function checkpointLine(
  tenantId: string,
  proof: CheckpointProof,
  at: { place: RecordPlace; source: RecordSource },
): string {
  const { place, source } = at;
  const { key, publicKey, signature, statement, leaf, siblings } = proof;
  const tenant = tenantId === '' ? undefined : quote(tenantId);
  const metadata = metadataText({ correlation: '', code: 'checkpoint', tenant, profile: undefined }, place, source);
  return (
    `{"activity_id":99,"activity_name":"Checkpoint","app":${appText(source)},"category_uid":6,"class_uid":6002,"metadata":${metadata},` +
    `"severity_id":${SEVERITY.informational},"status_id":1,"time":${place.timeMs},"type_uid":600299,` +
    `"unmapped":{"chain":${unmappedChain(place, source)},"checkpoint":{"key":"${key}",` +
    `"leaf":{"index":${leaf.index},"sequence":${leaf.sequence}},"proof":[${siblings.map((each) => `"${each}"`).join(',')}],` +
    `"public_key":"${publicKey}","signature":"${signature}","statement":${statement}},"kind":"checkpoint"}}`
  );
}

function appText({ sidecar, version }: RecordSource): string {
  return `{"name":"Keyside","uid":"${sidecar}","vendor_name":"Keyside","version":"${version}"}`;
}

/** What the record of any class consists of. */
interface OcsfRecord {
  readonly kind: EventKind;
  readonly tenantId: string | undefined;
  readonly code: string;
  readonly traceId: string;
  readonly classUid: number;
  /** OCSF's number of the activity and its caption, or our own with 99. */
  readonly activity: readonly [number, string];
  readonly statusId: 1 | 2;
  readonly severityId: number;
  /** Of a denial. */
  readonly dispositionId?: number | undefined;
  /** Where it did not happen when it was recorded. */
  readonly timeMs?: number;
  /** Attributes of the class. */
  readonly attributes: { readonly [name: string]: Json };
  readonly unmapped: { readonly [name: string]: Json };
}

function compose(record: OcsfRecord, place: RecordPlace, source: RecordSource): string {
  const { dispositionId, traceId, tenantId, classUid } = record;
  const [activityId, activityName] = record.activity;
  const isDenial = dispositionId !== undefined;
  const metadata = metadataText(
    {
      correlation: traceId,
      code: record.code,
      tenant: tenantId === undefined ? undefined : quote(tenantId),
      profile: isDenial ? 'security_control' : undefined,
    },
    place,
    source,
  );
  return canonicalize({
    ...(isDenial ? { action_id: ACTION_DENIED, disposition_id: dispositionId } : {}),
    activity_id: activityId,
    activity_name: activityName,
    category_uid: Math.floor(classUid / 1_000),
    class_uid: classUid,
    metadata: JSON.parse(metadata),
    severity_id: record.severityId,
    status_id: record.statusId,
    time: record.timeMs ?? place.timeMs,
    type_uid: classUid * 100 + activityId,
    ...record.attributes,
    unmapped: { chain: JSON.parse(unmappedChain(place, source)), kind: record.kind, ...record.unmapped },
  });
}

/** OCSF's number of an activity that it has no number for. */
const OTHER_ACTIVITY = 99;

/** API Activity: the daemon called the tenant's KMS, or dropped what it got from there. */
const KEY_ACTIVITIES = { open: [2, 'Read'], refresh: [3, 'Update'], refuse: [2, 'Read'], drop: [4, 'Delete'] } as const;

function keyRecord(event: KeyEvent, { sidecar }: RecordSource): OcsfRecord {
  const { action, keyId, keyVersion, provider, durationMs, call } = event;
  return {
    kind: 'key',
    tenantId: event.tenantId,
    code: `key.${action}`,
    traceId: event.traceId,
    classUid: OCSF_CLASS.apiActivity,
    activity: KEY_ACTIVITIES[action],
    ...outcomeFacts(event.outcome),
    attributes: {
      actor: call === undefined ? { app_name: 'keyside', app_uid: sidecar } : actor(call),
      api: { operation: action, service: { name: text(provider) } },
      dst_endpoint: { svc_name: text(provider) },
      duration: Math.round(durationMs),
      resources: [{ type: 'Key', uid: text(keyId), ...optional('version', keyVersion) }],
      src_endpoint: call === undefined ? { svc_name: 'keyside', uid: sidecar } : endpoint(call),
      status_code: event.outcome,
    },
    unmapped: { ...(call && statedFacts(call)), duration_us: Math.round(durationMs * 1_000) },
  };
}

const CALL_ACTIVITIES: ReadonlyMap<string, OcsfRecord['activity']> = new Map([
  ['CheckKey', [2, 'Read']],
  ['ListKeys', [2, 'Read']],
  ['DropKeys', [4, 'Delete']],
  ['LogSecurityEvent', [1, 'Create']],
]);

/** API Activity: an RPC of Keyside itself was called. */
function callRecord(event: CallEvent): OcsfRecord {
  const { kind, tenantId, call, method, outcome, durationMs } = event;
  return {
    kind,
    tenantId,
    code: method,
    traceId: call.traceId,
    classUid: OCSF_CLASS.apiActivity,
    activity: CALL_ACTIVITIES.get(method) ?? [OTHER_ACTIVITY, text(method)],
    ...outcomeFacts(outcome),
    attributes: {
      actor: actor(call),
      api: { operation: text(method), service: { name: 'keyside' } },
      dst_endpoint: { svc_name: 'keyside' },
      duration: Math.round(durationMs),
      src_endpoint: endpoint(call),
      status_code: outcome,
    },
    unmapped: { ...statedFacts(call), duration_us: Math.round(durationMs * 1_000) },
  };
}

const CONFIGURATION_ACTIVITIES = {
  added: [1, 'Create'],
  changed: [3, 'Update'],
  removed: [4, 'Delete'],
  rejected: [3, 'Update'],
} as const;

function configurationRecord({ action, tenantId, digest }: ConfigurationEvent, { sidecar }: RecordSource): OcsfRecord {
  const isRejected = action === 'rejected';
  return {
    kind: 'configuration',
    tenantId,
    code: `configuration.${action}`,
    traceId: '',
    classUid: OCSF_CLASS.entityManagement,
    activity: CONFIGURATION_ACTIVITIES[action],
    statusId: isRejected ? 2 : 1,
    severityId: isRejected ? SEVERITY.low : SEVERITY.informational,
    attributes: {
      actor: { app_name: 'keyside', app_uid: sidecar },
      entity: {
        type: tenantId === undefined ? 'Daemon configuration' : 'Tenant configuration',
        uid: tenantId ?? sidecar,
        ...optional('version', digest),
      },
    },
    unmapped: {},
  };
}

const LIFECYCLE_ACTIVITIES = { start: [3, 'Start'], drain: [4, 'Stop'], recover: [99, 'Recover'] } as const;

function lifecycleRecord({ action, facts }: LifecycleEvent, source: RecordSource): OcsfRecord {
  return {
    kind: 'lifecycle',
    tenantId: undefined,
    code: `lifecycle.${action}`,
    traceId: '',
    classUid: OCSF_CLASS.applicationLifecycle,
    activity: LIFECYCLE_ACTIVITIES[action],
    statusId: 1,
    severityId: SEVERITY.informational,
    attributes: { app: JSON.parse(appText(source)) },
    unmapped: { facts },
  };
}

/** OCSF's numbers of a refusal that the application reports: blocked. */
const BLOCKED = 2;

function securityRecord(event: SecurityEvent): OcsfRecord {
  const { call, name, targetUserId } = event;
  const { class: className, activityId, activity, isDenial = false } = securityMapping(name);
  return {
    kind: 'security',
    tenantId: event.tenantId,
    code: name,
    traceId: call.traceId,
    classUid: OCSF_CLASS[className],
    activity: [activityId, activity],
    statusId: isDenial ? 2 : 1,
    severityId: isDenial ? SEVERITY.medium : SEVERITY.informational,
    dispositionId: isDenial ? BLOCKED : undefined,
    timeMs: event.occurredAtMs,
    attributes: {
      actor: actor(call),
      src_endpoint: endpoint(call),
      ...optional('message', event.message),
      ...classAttributes(event),
    },
    unmapped: { ...statedFacts(call), ...optional('target_user_id', targetUserId) },
  };
}

/** OCSF's `type_id` of users. */
const USER_TYPE = { user: 1, admin: 2 } as const;

function classAttributes({ name, tenantId, call, targetUserId }: SecurityEvent): { readonly [name: string]: Json } {
  const { class: className, ofAdmin = false } = securityMapping(name);
  const user = {
    type_id: ofAdmin ? USER_TYPE.admin : USER_TYPE.user,
    uid: text(targetUserId || call.requesterId || UNKNOWN_CALLER),
  };
  switch (className) {
    case 'accountChange':
      return { user };
    case 'authentication':
      return { service: { name: text(call.callerId || UNKNOWN_CALLER) }, user };
    case 'entityManagement':
      return { entity: { type: 'Setting', uid: text(call.objectId || tenantId) } };
    case 'datastoreActivity':
      return { database: { type: 'Tenant data', type_id: 99, uid: tenantId }, type_id: 1 };
    case 'apiActivity':
      return { api: { operation: name } };
  }
}

function actor({ callerId, requesterId }: CallFacts): Json {
  return { app_name: text(callerId || UNKNOWN_CALLER), ...(requesterId === '' ? {} : { user: { uid: text(requesterId) } }) };
}

function endpoint({ callerId, sourceIp }: CallFacts): Json {
  return { ...optional(isAddress(sourceIp) ? 'ip' : 'name', sourceIp), svc_name: text(callerId || UNKNOWN_CALLER) };
}

function optional(name: string, value: string): { readonly [name: string]: Json } {
  return value === '' ? {} : { [name]: text(value) };
}

/** What is known of a call and has no place in OCSF. */
function statedFacts(call: CallFacts): { readonly [name: string]: Json } {
  return {
    ...(call.attributes.size === 0 ? {} : { attributes: attributesOf(call) }),
    ...optional('data_label', call.dataLabel),
    ...optional('object_id', call.objectId),
    ...optional('purpose', call.purpose),
    ...optional('request_id', call.requestId),
    ...optional('subject_id', call.subjectId),
  };
}

function attributesOf({ attributes }: CallFacts): Json {
  return Object.fromEntries([...attributes].map(([key, value]) => [text(key), text(value)]));
}

/** Half of a surrogate pair has no place in a record. */
function text(value: string): string {
  return value.toWellFormed();
}
