import { quote } from './canonical-json.ts';
import type { RecordPlace, RecordSource } from './record-place.ts';

/** The version of the schema that records keep to: the first with `security_control` for every class. */
export const OCSF_VERSION = '1.4.0';

/** What a record's metadata holds beside its place. */
export interface MetadataFacts {
  /** The id of the trace; empty: none. */
  readonly correlation: string;
  /** What happened, in Keyside's words: an RPC, an action, the name of a security event. */
  readonly code: string;
  /** The tenant's id in quotes; undefined: the daemon's own record. */
  readonly tenant: string | undefined;
  readonly profile: 'security_control' | undefined;
}

/** OCSF's `metadata` as canonical JSON. */
export function metadataText(
  { correlation, code, tenant, profile }: MetadataFacts,
  { sequence, timeMs }: RecordPlace,
  { start, version }: RecordSource,
): string {
  return (
    `{${correlation === '' ? '' : `"correlation_uid":${quote(correlation)},`}"event_code":${quote(code)},"log_name":"keyside-audit",` +
    `"logged_time":${timeMs},"product":${productText(version)},${profile === undefined ? '' : `"profiles":["${profile}"],`}` +
    `"sequence":${sequence},${tenant === undefined ? '' : `"tenant_uid":${tenant},`}"uid":"${start}-${sequence}","version":"${OCSF_VERSION}"}`
  );
}

function productText(version: string): string {
  return `{"name":"Keyside","vendor_name":"Keyside","version":"${version}"}`;
}

/** What every record has in `unmapped.chain`, as canonical JSON. */
export function unmappedChain(place: RecordPlace, { sidecar, start }: RecordSource): string {
  return (
    `{"checkpoint":${place.checkpoint},"previous":"${place.previous}","sequence":${place.chainSequence},` +
    `"sidecar":"${sidecar}","start":"${start}"}`
  );
}
