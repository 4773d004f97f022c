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

/** The texts of `metadata` between what differs from record to record: its time and its sequence, which is also part of its id. */
export interface MetadataTexts {
  readonly toTime: string;
  readonly toSequence: string;
  readonly toUid: string;
  readonly toEnd: string;
}

export function metadataTexts(
  { code, tenant, profile }: Omit<MetadataFacts, 'correlation'>,
  { start, version }: RecordSource,
): MetadataTexts {
  return {
    toTime: `"event_code":${quote(code)},"log_name":"keyside-audit","logged_time":`,
    toSequence:
      `,"product":{"name":"Keyside","vendor_name":"Keyside","version":"${version}"},` +
      `${profile === undefined ? '' : `"profiles":["${profile}"],`}"sequence":`,
    toUid: `,${tenant === undefined ? '' : `"tenant_uid":${tenant},`}"uid":"${start}-`,
    toEnd: `","version":"${OCSF_VERSION}"}`,
  };
}

/** OCSF's `metadata` as canonical JSON. */
export function metadataText(facts: MetadataFacts, { sequence, timeMs }: RecordPlace, source: RecordSource): string {
  const { toTime, toSequence, toUid, toEnd } = metadataTexts(facts, source);
  return `{${correlationText(facts.correlation)}${toTime}${timeMs}${toSequence}${sequence}${toUid}${sequence}${toEnd}`;
}

/** With the comma that follows. */
export function correlationText(correlation: string): string {
  return correlation === '' ? '' : `"correlation_uid":${quote(correlation)},`;
}

/** What every record has in `unmapped.chain`, as canonical JSON. */
export function unmappedChain(place: RecordPlace, source: RecordSource): string {
  return `{"checkpoint":${place.checkpoint},"previous":"${place.previous}","sequence":${place.chainSequence}${chainEnd(source)}`;
}

/** The end of `unmapped.chain`, the same in every record of a source. */
export function chainEnd({ sidecar, start }: RecordSource): string {
  return `,"sidecar":"${sidecar}","start":"${start}"}`;
}
