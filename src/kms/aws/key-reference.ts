/** What names a KMS key: its id, its ARN, an alias or the alias's ARN. Pure text, no SDK. */

const KEY_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;
const ALIAS = /^alias\/[A-Za-z0-9/_-]{1,250}$/;
const ARN = /^arn:aws[a-z-]{0,20}:kms:([a-z0-9-]{1,30}):[0-9]{12}:(.{1,256})$/s;
const KEY_PREFIX = 'key/';

export interface AwsKeyReference {
  /** As it was written; what AWS is asked for. */
  readonly name: string;
  /** The id part: a UUID, or `mrk-` and 32 hex digits. Undefined for an alias, which may lead elsewhere tomorrow. */
  readonly keyId: string | undefined;
  /** Only an ARN has one. */
  readonly region: string | undefined;
}

/** Undefined where the text names no key. */
export function parseKeyReference(name: string): AwsKeyReference | undefined {
  const arn = ARN.exec(name);
  if (arn === null) return local({ name, resource: KEY_ID.test(name) ? KEY_PREFIX + name : name, region: undefined });
  return local({ name, resource: arn[2] as string, region: arn[1] });
}

/** The id part of a key's ARN; undefined for anything else. */
export function keyIdOfArn(arn: string | undefined): string | undefined {
  const reference = arn === undefined ? undefined : parseKeyReference(arn);
  return reference?.region === undefined ? undefined : reference.keyId;
}

interface Parts {
  readonly name: string;
  /** `key/<id>` or `alias/<name>`. */
  readonly resource: string;
  readonly region: string | undefined;
}

function local({ name, resource, region }: Parts): AwsKeyReference | undefined {
  if (ALIAS.test(resource)) return { name, keyId: undefined, region };
  if (!resource.startsWith(KEY_PREFIX)) return undefined;
  const keyId = resource.slice(KEY_PREFIX.length);
  return KEY_ID.test(keyId) ? { name, keyId, region } : undefined;
}

/** Where a configuration leads, and which keys its stored wraps may name. */
export interface AwsTarget {
  readonly region: string;
  /** What wrapping asks for. */
  readonly keyName: string;
  /** Key id to what unwrapping asks for: the ARN where one is configured (another account is reached by it alone), else the id. */
  readonly accepted: ReadonlyMap<string, string>;
}

interface TargetSettings {
  readonly keyId: string;
  readonly acceptedKeyIds?: readonly string[] | undefined;
  readonly region?: string | undefined;
}

/** Precondition: the settings passed their schema. */
export function targetOf({ keyId: keyName, acceptedKeyIds = [], region }: TargetSettings): AwsTarget {
  const references = [keyName, ...acceptedKeyIds].map(parseKeyReference).filter((reference) => reference !== undefined);
  const accepted = new Map<string, string>();
  for (const { keyId, name, region: arnRegion } of references) {
    if (keyId !== undefined && (arnRegion !== undefined || !accepted.has(keyId))) accepted.set(keyId, name);
  }
  return { region: region ?? regionOf(references) ?? '', keyName, accepted };
}

/** The region that the ARNs name; the first one's. */
export function regionOf(references: readonly AwsKeyReference[]): string | undefined {
  return references.find((reference) => reference.region !== undefined)?.region;
}
