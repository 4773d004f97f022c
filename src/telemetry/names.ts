/** Every span and attribute Keyside emits, each with what it means; `docs/telemetry.md` is generated from this file. */

export const SPANS = {
  keyOpen: { name: 'keyside.key.open', help: 'Finding the data key of a stored document: in the cache or through the KMS.' },
  keyLease: {
    name: 'keyside.key.lease',
    help: 'Finding a data key to encrypt under: a lease in memory or a new one from the KMS.',
  },
  kmsCall: { name: 'keyside.kms.call', help: 'One attempt of one call to a KMS or HSM.' },
} as const;

export type SpanName = (typeof SPANS)[keyof typeof SPANS]['name'];

export const ATTRIBUTES = {
  tenant: { name: 'keyside.tenant.id', help: "The tenant's id." },
  keyId: { name: 'keyside.key.id', help: "The key configuration's id." },
  keyVersion: { name: 'keyside.key.version', help: 'The version of the key that wrapped the data key.' },
  provider: { name: 'keyside.provider', help: 'The kind of KMS: local, aws, ….' },
  operation: { name: 'keyside.kms.operation', help: 'wrap, unwrap, generate or describe.' },
  attempt: { name: 'keyside.kms.attempt', help: 'The number of the attempt, from 1.' },
  hit: { name: 'keyside.key.hit', help: 'True where the data key was in memory.' },
  lease: { name: 'keyside.key.lease', help: 'True where the data key serves many documents; false where it serves one.' },
  singleFlight: { name: 'keyside.key.single_flight', help: "True where the request waited for another request's KMS call." },
  outage: { name: 'keyside.key.outage', help: 'True where the data key served past its time because the KMS is unreachable.' },
  reason: { name: 'keyside.reason', help: 'Why the operation failed: a reason of docs/errors.md.' },
  fields: { name: 'keyside.document.fields', help: 'The number of fields.' },
  bytes: { name: 'keyside.document.bytes', help: 'The bytes of all field values together.' },
  documents: { name: 'keyside.batch.documents', help: 'The number of documents in a batch.' },
  caller: { name: 'keyside.caller.id', help: "The caller's configured id, or anonymous." },
} as const;

export type AttributeName = (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES]['name'];
