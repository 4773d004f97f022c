/** Every attribute that a record may have, by its path: what it holds. `*` stands for names that are not ours. */
export const ATTRIBUTES: Readonly<Record<string, string>> = {
  action_id: 'Of a denial: 2 (Denied). Profile `security_control`.',
  activity_id: 'What was done: a number of the class, see above.',
  activity_name: "OCSF's caption of that number; where it is 99 (Other), our own word.",
  'actor.app_name':
    'The authenticated caller (`callers` of the configuration), `anonymous` where there are none, `unknown` where it was not found out; of what the daemon does by itself, `keyside`.',
  'actor.app_uid': 'The sidecar, of what the daemon does by itself.',
  'actor.user.uid': 'Whom the caller acts for: `requester_id`, as the application states it.',
  'api.operation':
    "Of key events `open`, `refresh`, `refuse` or `drop`; of the application's own events their name; of a call that uses no document the RPC.",
  'api.service.name': 'The kind of KMS: `aws`, `vault`, …; of a call that uses no document `keyside`.',
  'app.name': '`Keyside`.',
  'app.uid': 'The sidecar.',
  'app.vendor_name': '`Keyside`.',
  'app.version': "The daemon's version.",
  category_uid: 'The thousands of `class_uid`: 3 (Identity & Access Management) or 6 (Application Activity).',
  class_uid: 'The class, see above.',
  'database.type': '`Tenant data`.',
  'database.type_id': '99 (Other).',
  'database.uid': 'The tenant.',
  disposition_id:
    'Of a denial: 2 (Blocked), 24 (Access Revoked: by the customer, in its KMS), 25 (Rejected: the ciphertext does not verify) or 26 (Unauthorized). Profile `security_control`.',
  'dst_endpoint.svc_name': 'As `api.service.name`.',
  duration: 'Milliseconds, rounded; `unmapped.duration_us` is finer.',
  'entity.type': '`Tenant configuration`, `Daemon configuration`, or `Setting` of an application event.',
  'entity.uid': "The tenant; for the daemon's configuration the sidecar; for a setting its `object_id`.",
  'entity.version': 'SHA-256 of the configuration that is in force now, in hexadecimal.',
  message: 'Of an application event: its message, as the application gave it.',
  'metadata.correlation_uid': 'The id of the trace (W3C Trace Context), where there is one.',
  'metadata.event_code':
    "What happened, in Keyside's words: the RPC (`Encrypt`, `BatchDecrypt`), `key.open`, `configuration.changed`, `lifecycle.start`, `checkpoint`, or the name of the application's event.",
  'metadata.log_name': '`keyside-audit`.',
  'metadata.logged_time': 'When it was recorded, in milliseconds since the epoch.',
  'metadata.product.name': '`Keyside`.',
  'metadata.product.vendor_name': '`Keyside`.',
  'metadata.product.version': "The daemon's version.",
  'metadata.profiles[]': '`security_control`, on denials.',
  'metadata.sequence': "The sidecar's own number of the record: 1, 2, 3, … in each start, over all tenants.",
  'metadata.tenant_uid': "The tenant. Missing in the daemon's own records.",
  'metadata.uid': 'The id of the record, `<start>-<sequence>`. A record that is delivered twice has the same id.',
  'metadata.version': 'The version of OCSF.',
  'resources[].type': '`Key`.',
  'resources[].uid': "The id of the tenant's key configuration.",
  'resources[].version': "The KMS's own version of the key, where it has any.",
  'service.name': 'Of a login or logout: the application, i.e. the caller.',
  severity_id:
    '1 (Informational) where it worked, 2 (Low) where it failed, 3 (Medium) where it was denied, 4 (High) for a fault of the daemon.',
  'src_endpoint.ip': "The address of the application's own caller, as the application states it.",
  'src_endpoint.name': 'The same where it is no address.',
  'src_endpoint.svc_name': 'The caller.',
  'src_endpoint.uid': 'The sidecar, of what the daemon does by itself.',
  status_code: '`OK`, or the reason of docs/errors.md.',
  status_id: '1 (Success) or 2 (Failure).',
  time: 'When it happened, in milliseconds since the epoch. Differs from `metadata.logged_time` for application events only.',
  type_id: 'Of Datastore Activity: 1 (Database).',
  type_uid: '`class_uid` × 100 + `activity_id`.',
  'unmapped.attributes.*':
    '`metadata.attributes` of the request, as the application gave them. The first record of a call has them alone: others of a batch or stream have the same `unmapped.request_id`.',
  'unmapped.bytes': 'The bytes of the plaintext of all fields, or of the object.',
  'unmapped.chain.checkpoint':
    "The number of the last checkpoint of this start for which the chains' heads were taken before this record; 0: none.",
  'unmapped.chain.previous': 'SHA-256 of the record before it in its chain, in base64url; of the first 43 times `A`.',
  'unmapped.chain.sequence': 'The number in its chain: 1, 2, 3, … for each tenant in each start.',
  'unmapped.chain.sidecar': 'The sidecar: the same over its starts.',
  'unmapped.chain.start': 'The start of the sidecar: another one each time.',
  'unmapped.checkpoint.key': 'The id of the key that signed: the first 16 hexadecimal digits of SHA-256 over its SPKI DER.',
  'unmapped.checkpoint.leaf.index': "The chain's leaf in the tree, from 0.",
  'unmapped.checkpoint.leaf.sequence': "The chain's last record that is covered.",
  'unmapped.checkpoint.proof[]': 'The siblings from the leaf to the root (RFC 6962), in base64url.',
  'unmapped.checkpoint.public_key': 'That key: 32 bytes of Ed25519 in base64url.',
  'unmapped.checkpoint.signature': 'Ed25519 over the canonical JSON of `statement`, in base64url.',
  'unmapped.checkpoint.statement.chains': 'The number of leaves.',
  'unmapped.checkpoint.statement.checkpoint': 'The number of the checkpoint in this start.',
  'unmapped.checkpoint.statement.recovered': '`true` where a later start made it for one that ended without.',
  'unmapped.checkpoint.statement.root': "The root of the tree over the chains' heads, in base64url.",
  'unmapped.checkpoint.statement.sequence': "The sidecar's last record before it.",
  'unmapped.checkpoint.statement.sidecar': 'As in `unmapped.chain`.',
  'unmapped.checkpoint.statement.start': 'As in `unmapped.chain`.',
  'unmapped.checkpoint.statement.time': 'When the heads were taken, in milliseconds since the epoch.',
  'unmapped.data_label': 'The data label of the call.',
  'unmapped.duration_us': 'Microseconds, rounded.',
  'unmapped.facts.*': 'Of a start, a drain or a recovery: names and numbers of it.',
  'unmapped.fields': 'The number of fields.',
  'unmapped.item_id': 'Of an item of a batch: its `id` in the request.',
  'unmapped.keys[].from': '`cache`: the data key was in memory; `kms`: the KMS was asked.',
  'unmapped.keys[].id': 'The key configuration that served.',
  'unmapped.keys[].provider': 'The kind of KMS.',
  'unmapped.keys[].version': "The KMS's own version of the key, where it has any.",
  'unmapped.kind':
    'What sinks are filtered by: `encrypt`, `decrypt`, `rewrap`, `key`, `configuration`, `lifecycle`, `security` or `checkpoint`.',
  'unmapped.object_id': '`object_id` of the call.',
  'unmapped.phase': '`whole`; of a stream `opened` (its first byte may leave) and `ended`.',
  'unmapped.purpose': '`purpose` of the call.',
  'unmapped.request_id': '`request_id` of the call.',
  'unmapped.subject_id': '`subject_id` of the call.',
  'unmapped.target_user_id': 'Of an application event: whom it was done to.',
  'user.type_id': '1 (User), or 2 (Admin) for `ADMIN_` events.',
  'user.uid': 'Whom the event is about: the target, else the requester.',
};

/** Where names are the application's or an event's own. */
const OPEN = ['unmapped.attributes', 'unmapped.facts'];

/** The paths of everything in a record. */
export function pathsOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each) => pathsOf(each, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  const members = Object.entries(value);
  return members.flatMap(([name, member]) =>
    pathsOf(member, OPEN.includes(path) ? `${path}.*` : path === '' ? name : `${path}.${name}`),
  );
}
