/** Writes docs/audit-record.md: the attributes from their table, the examples and classes from records as the code makes them. */
import { OCSF_VERSION } from '../src/audit/ocsf-metadata.ts';
import { OCSF_CLASS, SECURITY_EVENTS, type SecurityMapping } from '../src/audit/security-events.ts';
import { SAMPLES } from '../test/fakes/audit-events.ts';
import { Trail } from '../test/fakes/audit-trail.ts';
import { ATTRIBUTES, pathsOf } from './audit-attributes.ts';
import { exampleSigningKey } from './example-signing-key.ts';
import { writeOrCheck } from './generated-file.ts';

const CLASS_NAMES = {
  accountChange: 'Account Change',
  authentication: 'Authentication',
  entityManagement: 'Entity Management',
  applicationLifecycle: 'Application Lifecycle',
  apiActivity: 'API Activity',
  datastoreActivity: 'Datastore Activity',
} as const satisfies Record<keyof typeof OCSF_CLASS, string>;

const INTRODUCTION = `# The record of the audit trail

Every use of a tenant's key leaves a record: one for each document or object that is encrypted, decrypted or rewrapped (each item of a
batch; a stream has two), for each time a KMS was asked for a data key or refused it, for each denial, each change of the configuration,
each start and drain of the daemon, and for each event that the application reports by itself.

A record is one line of JSON: an event of the Open Cybersecurity Schema Framework, [OCSF](https://schema.ocsf.io/${OCSF_VERSION}/)
${OCSF_VERSION}, so that systems that know OCSF (Splunk, Amazon Security Lake, Microsoft Sentinel) take it as it is. What OCSF has no place for
stands in \`unmapped\`. A test checks a record of every kind against the published schema, attribute by attribute.

The line is canonical JSON ([RFC 8785](https://www.rfc-editor.org/rfc/rfc8785)): keys in order, no white space. A system that lays a
record out anew changes none of its hashes: \`keyside audit verify\` brings it into this form before it hashes it.

## Never in a record

* a plaintext, a ciphertext, or a part of one;
* a key: no data key, no share of one, no wrapped key;
* a name or value of the encryption context;
* a token or credential.

What the application itself states of a call (\`requester_id\`, \`object_id\`, \`purpose\`, …) and of its own events is recorded as it is: the
application sees to it that it holds no secrets.
`;

const CHAINS = `## Chain and checkpoint

Each start of a sidecar has a chain for every tenant and one for the daemon's own records. A record names the SHA-256 of the record
before it in its chain, over its canonical JSON in UTF-8 without the line feed. So a tenant's sink, which has that tenant's records
only, can be checked alone.

Every \`audit.checkpointInterval\`, and at drain, the heads of all chains that had records since are signed. A chain's leaf is the
canonical JSON of \`{"chain", "head", "sequence"}\`: the tenant's id (empty: the daemon's own), the hash of its last record, and that
record's number in the chain. The leaves make a Merkle tree by [RFC 6962](https://www.rfc-editor.org/rfc/rfc6962#section-2.1) over SHA-256: a leaf is
SHA-256(0x00 ‖ leaf), a node SHA-256(0x01 ‖ left ‖ right). The statement with the root is signed with Ed25519, and each of these chains
gets a record of its own with the statement, the signature and the leaf's proof; no other tenant's name is in it. The daemon's own chain
always has one, the last of its checkpoint.

The heads are those of one instant; records that are appended while the checkpoint is signed come before its own record in the chain,
and are left to the next. \`unmapped.chain.checkpoint\` tells them apart: the first record of a chain with a new number names, as
\`previous\`, the head that the checkpoint of that number covers.

The record of a checkpoint asks for no other one: a chain that rests has a checkpoint as its last record.

\`keyside audit verify FILE…\` follows all chains and reports what it finds wrong first, with its place. What comes after a chain's last
checkpoint is chained but not signed: it is counted as unproven. Who holds the signing key (\`signing-key.pem\` in the spool's folder)
could write another trail; the public key beside it (\`signing-key.pub.pem\`), kept elsewhere, pins the signer with \`--trust\`.

What no trail of records can show by itself: that its end was cut off, and that a whole start of a sidecar is missing.
`;

writeOrCheck('docs/audit-record.md', await page());

async function page(): Promise<string> {
  const trail = new Trail({ key: exampleSigningKey(), sidecar: '5f0c9a1e7d3b2846', start: 'Vq3xkT0uQe2w9ZrLhN1yBg' });
  for (const { event } of SAMPLES) trail.record(event);
  await trail.checkpoint();
  const records = trail.records.map(({ line }) => JSON.parse(line));
  checkAttributes(records);
  const lineOf = (name: string): string => trail.records[SAMPLES.findIndex((sample) => sample.name === name)]?.line as string;
  return [
    INTRODUCTION,
    `## Classes\n\n${classes(records)}`,
    `## Attributes\n\n| attribute | holds |\n|---|---|\n${Object.entries(ATTRIBUTES)
      .map(([path, help]) => `| \`${path}\` | ${help} |\n`)
      .join('')}`,
    CHAINS,
    `## The application's own events\n\n${securityTable()}`,
    `## Examples\n\nLaid out for reading; a record is one line.\n\n${[
      example('A document was encrypted', lineOf('a document is encrypted')),
      example('A decryption was refused because the customer disabled its key', lineOf('decrypt ends in KEY_REVOKED')),
      example("The tenant's KMS was asked for a data key", lineOf('key open')),
      example("A tenant's configuration took effect", lineOf("a tenant's configuration is changed")),
      example('The daemon started', lineOf('the daemon starts')),
      example('The application reports a login', lineOf('security event USER_LOGIN')),
      example("A checkpoint, in a tenant's chain", trail.of('acme').at(-1)?.line as string),
    ].join('\n')}`,
  ].join('\n');
}

/** @throws {Error} where an attribute is used and not explained, or explained and not used */
function checkAttributes(records: readonly object[]): void {
  const used = new Set([...records.flatMap((record) => pathsOf(record)), 'unmapped.checkpoint.statement.recovered']);
  const explained = new Set(Object.keys(ATTRIBUTES));
  const faults = [
    ...[...used].filter((path) => !explained.has(path)).map((path) => `${path} is not explained`),
    ...[...explained].filter((path) => !used.has(path)).map((path) => `${path} is in no record`),
  ];
  if (faults.length > 0) throw new Error(`tools/audit-attributes.ts: ${faults.join(', ')}`);
}

interface ClassifiedRecord {
  readonly class_uid: number;
  readonly activity_id: number;
  readonly activity_name: string;
  readonly metadata: { readonly event_code: string };
  readonly unmapped: { readonly kind: string };
}

function classes(records: readonly ClassifiedRecord[]): string {
  const rows = new Map<string, Set<string>>();
  for (const { class_uid: uid, activity_id: id, activity_name: name, unmapped, metadata } of records) {
    if (unmapped.kind === 'security') continue;
    const row = `| \`${unmapped.kind}\` | ${uid} ${nameOfClass(uid)} | ${id} ${name} |`;
    rows.set(row, (rows.get(row) ?? new Set()).add(metadata.event_code));
  }
  const table = [...rows].map(([row, codes]) => `${row} ${[...codes].map((code) => `\`${code}\``).join(', ')} |\n`);
  return `| kind | class | activity | e.g. \`metadata.event_code\` |\n|---|---|---|---|\n${table.join('')}`;
}

function nameOfClass(uid: number): string {
  const found = (Object.keys(OCSF_CLASS) as (keyof typeof OCSF_CLASS)[]).find((name) => OCSF_CLASS[name] === uid);
  if (found === undefined) throw new Error(`class ${uid} has no name`);
  return CLASS_NAMES[found];
}

function securityTable(): string {
  const custom: SecurityMapping = { class: 'apiActivity', activityId: 99, activity: 'the name itself' };
  const rows = [...Object.entries<SecurityMapping>(SECURITY_EVENTS), ['CUSTOM_…', custom] as const].map(
    ([name, { class: className, activityId, activity, isDenial }]) =>
      `| \`${name}\` | ${OCSF_CLASS[className]} ${CLASS_NAMES[className]} | ${activityId} ${activity} | ${isDenial ? 'failure, denied' : 'success'} |\n`,
  );
  return `| name | class | activity | status |\n|---|---|---|---|\n${rows.join('')}`;
}

function example(title: string, line: string): string {
  return `### ${title}\n\n\`\`\`json\n${JSON.stringify(JSON.parse(line), null, 2)}\n\`\`\`\n`;
}
