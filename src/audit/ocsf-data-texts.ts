import { quote } from './canonical-json.ts';
import type { DataEvent } from './event.ts';
import { chainEnd, metadataTexts } from './ocsf-metadata.ts';
import { ACTION_DENIED, outcomeFacts } from './ocsf-outcomes.ts';
import type { RecordSource } from './record-place.ts';

/** What says who used whose data in which way, and how that ended: most records have it in common with others. */
type SharedFacts = Pick<DataEvent, 'kind' | 'method' | 'outcome' | 'tenantId'> & {
  readonly call: Pick<DataEvent['call'], 'callerId'>;
};

/** The texts of a record between what differs from call to call, in their order. */
export interface DataTexts {
  readonly toRequester: string;
  readonly toDuration: string;
  readonly toLoggedTime: string;
  readonly toSequence: string;
  readonly toUid: string;
  readonly toAddress: string;
  readonly toTime: string;
  readonly toUnmapped: string;
  readonly chainEnd: string;
  readonly toObject: string;
}

const ACTIVITIES = {
  encrypt: '"activity_id":9,"activity_name":"Encrypt",',
  decrypt: '"activity_id":10,"activity_name":"Decrypt",',
  // The document stays what it was; the key block that is stored with it is written anew.
  rewrap: '"activity_id":2,"activity_name":"Update",',
} as const;

const TYPE_UIDS = { encrypt: 600_509, decrypt: 600_510, rewrap: 600_502 } as const;

/** What stands for a caller that was not found out. */
export const UNKNOWN_CALLER = 'unknown';

/** Those of one caller's uses of one tenant's data. */
interface KnownTexts extends DataTexts {
  readonly kind: DataEvent['kind'];
  readonly method: string;
  readonly outcome: string;
}

/** Texts that are kept for a source; beyond them all are forgotten and made anew. */
const MAX_KNOWN = 2_000;

class KnownTextsOfSource {
  /** By tenant, then by caller. */
  readonly #known = new Map<string, Map<string, KnownTexts[]>>();
  #size = 0;

  find({ kind, method, outcome, tenantId, call }: SharedFacts): DataTexts | undefined {
    const ofCaller = this.#known.get(tenantId)?.get(call.callerId);
    return ofCaller?.find((known) => known.kind === kind && known.method === method && known.outcome === outcome);
  }

  add({ kind, method, outcome, tenantId, call }: SharedFacts, texts: DataTexts): DataTexts {
    if (this.#size >= MAX_KNOWN) {
      this.#known.clear();
      this.#size = 0;
    }
    const known = { kind, method, outcome, ...texts };
    const ofTenant = this.#known.get(tenantId) ?? new Map<string, KnownTexts[]>();
    const ofCaller = ofTenant.get(call.callerId) ?? [];
    ofCaller.push(known);
    this.#known.set(tenantId, ofTenant.set(call.callerId, ofCaller));
    this.#size += 1;
    return known;
  }
}

const KNOWN = new WeakMap<RecordSource, KnownTextsOfSource>();

function knownOf(source: RecordSource): KnownTextsOfSource {
  const known = new KnownTextsOfSource();
  KNOWN.set(source, known);
  return known;
}

/** Made once for records that have these facts in common, as long as they are kept. */
export function dataTexts(facts: SharedFacts, source: RecordSource): DataTexts {
  const known = KNOWN.get(source) ?? knownOf(source);
  return known.find(facts) ?? known.add(facts, makeTexts(facts, source));
}

function makeTexts({ kind, method, outcome, tenantId, call }: SharedFacts, source: RecordSource): DataTexts {
  const { statusId, severityId, dispositionId } = outcomeFacts(outcome);
  const isDenial = dispositionId !== undefined;
  const [tenant, caller] = [quote(tenantId), quote(call.callerId || UNKNOWN_CALLER)];
  const metadata = metadataTexts({ code: method, tenant, profile: isDenial ? 'security_control' : undefined }, source);
  return {
    toRequester: whole(`{${isDenial ? `"action_id":${ACTION_DENIED},` : ''}${ACTIVITIES[kind]}"actor":{"app_name":${caller}`),
    toDuration: whole(
      `},"category_uid":6,"class_uid":6005,"database":{"type":"Tenant data","type_id":99,"uid":${tenant}},` +
        `${isDenial ? `"disposition_id":${dispositionId},` : ''}"duration":`,
    ),
    toLoggedTime: whole(metadata.toTime),
    toSequence: whole(metadata.toSequence),
    toUid: whole(metadata.toUid),
    toAddress: whole(`${metadata.toEnd},"severity_id":${severityId},"src_endpoint":{`),
    toTime: whole(`"svc_name":${caller}},"status_code":"${outcome}","status_id":${statusId},"time":`),
    toUnmapped: whole(`,"type_id":1,"type_uid":${TYPE_UIDS[kind]},"unmapped":`),
    chainEnd: whole(chainEnd(source)),
    toObject: whole(`],"kind":"${kind}"`),
  };
}

/** The same text in one piece: V8 would copy one that was put together piece by piece each time. */
function whole(text: string): string {
  return [text, ''].join('');
}
