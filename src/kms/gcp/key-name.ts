/** Resource names of Google Cloud KMS. Pure text, no SDK. */

const PROJECT = '(?:[a-z][a-z0-9.-]{0,62}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{1,20}';
const KEY = new RegExp(
  `^projects/(?<project>${PROJECT})/(?<place>locations/[a-z0-9-]{1,63}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63})$`,
);
const VERSION = /^(?<key>.{1,512})\/cryptoKeyVersions\/(?<version>[1-9][0-9]{0,9})$/;
const MAX_VERSION = 2 ** 31;

/** Whether the text names a key: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. */
export function isKeyName(name: string): boolean {
  return KEY.test(name);
}

/** Whether the text is a version as it is stored: decimal, 1 to 2^31, without leading zeros. */
export function isVersion(text: string): boolean {
  return /^[1-9][0-9]{0,9}$/.test(text) && Number(text) <= MAX_VERSION;
}

/** What a version is asked for by. */
export function versionName(keyName: string, version: string): string {
  return `${keyName}/cryptoKeyVersions/${version}`;
}

/**
 * The version in the name that Google answered with; undefined where it is none of this key. A project has an id and a number: where
 * one name has the id and the other the number, they cannot be compared, and the rest of the name decides.
 */
export function versionOf(answered: string, keyName: string): string | undefined {
  const { key = '', version = '' } = VERSION.exec(answered)?.groups ?? {};
  return isSameKey(key, keyName) && isVersion(version) ? version : undefined;
}

function isSameKey(answered: string, configured: string): boolean {
  if (answered === configured) return true;
  const [a, b] = [KEY.exec(answered)?.groups, KEY.exec(configured)?.groups];
  if (a === undefined || b === undefined || a.place !== b.place) return false;
  return isNumber(a.project) !== isNumber(b.project);
}

function isNumber(project: string | undefined): boolean {
  return /^[0-9]+$/.test(project ?? '');
}
