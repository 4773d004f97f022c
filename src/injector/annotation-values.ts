import { ALL, CALLER_OPERATIONS } from '../config/daemon-schema.ts';
import { ID_PATTERN } from '../core/ids.ts';
import { KNOWN_AUDIENCES } from './annotations.ts';

/** Kubernetes' names of containers and volumes (RFC 1123). */
export const LABEL_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const AUDIENCE = /^[!-+\--~]{1,256}$/;
const MAX_SHOWN = 64;
const MAX_AUDIENCES = 8;
/** The sidecar is told of them in one argument, which an operating system limits. */
const MAX_ENTRIES = 256;

/** A token of the pod's service account, for the sidecar. */
export interface IdentityToken {
  /** The folder that it lies in. */
  readonly name: string;
  readonly audience: string;
}

/** A value that was read, or what is wrong with it in words. */
export type Read<Value> = { readonly value: Value } | { readonly fault: string };

/** A value as a message shows it: quoted, and cut where it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}

/** The name of a ConfigMap or Secret. */
export function readObjectName(text: string, kind: 'ConfigMap' | 'Secret'): Read<string> {
  return OBJECT_NAME.test(text) ? { value: text } : { fault: `must be the name of a ${kind}, not ${shown(text)}` };
}

export function readContainerNames(text: string): Read<readonly string[]> {
  return readList(text, (name) => (LABEL_NAME.test(name) ? undefined : `${shown(name)} is no name of a container`));
}

/** Ids of tenants, or `*` alone. */
export function readTenants(text: string): Read<readonly string[]> {
  return notBesideAll(
    readList(text, (id) => (id === ALL || ID_PATTERN.test(id) ? undefined : `${shown(id)} is no id of a tenant`)),
  );
}

/** Operations of callers, or `*` alone. */
export function readOperations(text: string): Read<readonly string[]> {
  const known: readonly string[] = [...CALLER_OPERATIONS, ALL];
  return notBesideAll(
    readList(text, (operation) =>
      known.includes(operation) ? undefined : `${shown(operation)} is no operation: there are ${known.join(', ')}`,
    ),
  );
}

/** `aws,azure,gcp=//iam.googleapis.com/…` */
export function readAudiences(text: string): Read<readonly IdentityToken[]> {
  const list = readList(text, (entry) => audienceFault(entry));
  if ('fault' in list) return list;
  const tokens = list.value.map(identityToken);
  const twice = tokens.find(({ name }, index) => tokens.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) return { fault: `names ${twice.name} twice` };
  return tokens.length > MAX_AUDIENCES ? { fault: `has more than ${MAX_AUDIENCES} entries` } : { value: tokens };
}

function identityToken(entry: string): IdentityToken {
  const at = entry.indexOf('=');
  const name = at < 0 ? entry : entry.slice(0, at);
  return { name, audience: at < 0 ? (KNOWN_AUDIENCES.get(name) ?? '') : entry.slice(at + 1) };
}

function audienceFault(entry: string): string | undefined {
  const { name, audience } = identityToken(entry);
  if (!LABEL_NAME.test(name)) return `${shown(name)} is no name for a token: lower-case letters, digits and -`;
  if (audience === '') return `${name} needs its audience: ${name}=audience`;
  return AUDIENCE.test(audience) ? undefined : `the audience of ${name} must be 1 to 256 characters of ASCII without spaces`;
}

/** Entries between commas, white space around them ignored; none may be empty or stand there twice. */
function readList(text: string, faultOf: (entry: string) => string | undefined): Read<readonly string[]> {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.includes('')) return { fault: text.trim() === '' ? 'must not be empty' : 'has an empty entry' };
  if (entries.length > MAX_ENTRIES) return { fault: `has more than ${MAX_ENTRIES} entries` };
  const twice = entries.find((entry, index) => entries.indexOf(entry) !== index);
  if (twice !== undefined) return { fault: `names ${shown(twice)} twice` };
  const fault = entries.map(faultOf).find((each) => each !== undefined);
  return fault === undefined ? { value: entries } : { fault };
}

function notBesideAll(read: Read<readonly string[]>): Read<readonly string[]> {
  const isMixed = 'value' in read && read.value.includes(ALL) && read.value.length > 1;
  return isMixed ? { fault: `names others beside ${ALL}, which is all of them` } : read;
}
