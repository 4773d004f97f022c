import { readFile } from 'node:fs/promises';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What a profile may hold. All else that the SDK's own reader obeys could start programs or borrow other identities. */
const ENTRIES = new Set(['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token']);

/** Named as the SDK names it, so that it is told apart like the SDK's own. */
class CredentialsFileError extends Error {
  override readonly name = 'CredentialsProviderError';
}

/**
 * The access key of one profile of a shared credentials file. Read by ourselves: the SDK would run what `credential_process` names, in
 * the process that holds every tenant's keys.
 * @throws an error that names the profile and the entry that is missing or not allowed, never a value
 */
export async function readAccessKey(file: string, profile: string): Promise<AccessKey> {
  const entries = entriesOf(await readFile(file, 'utf8'), profile);
  if (entries === undefined) throw new CredentialsFileError(`the credentials file has no profile ${profile}`);
  for (const name of entries.keys()) {
    if (!ENTRIES.has(name))
      throw new CredentialsFileError(`profile ${profile} of the credentials file has ${name}: only an access key is read`);
  }
  const entry = (name: string): string => {
    const value = entries.get(name);
    if (value) return value;
    throw new CredentialsFileError(`profile ${profile} of the credentials file lacks ${name}`);
  };
  const sessionToken = entries.get('aws_session_token');
  return {
    accessKeyId: entry('aws_access_key_id'),
    secretAccessKey: entry('aws_secret_access_key'),
    ...(sessionToken ? { sessionToken } : {}),
  };
}

/** The `name = value` lines below `[profile]`; undefined where there is no such section. */
function entriesOf(text: string, profile: string): ReadonlyMap<string, string> | undefined {
  let entries: Map<string, string> | undefined;
  let isWanted = false;
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const section = /^\[\s*(.+?)\s*\]$/.exec(line)?.[1];
    if (section !== undefined) {
      isWanted = section === profile;
      if (isWanted) entries ??= new Map();
      continue;
    }
    const equals = line.indexOf('=');
    if (!isWanted || equals < 0) continue;
    entries?.set(line.slice(0, equals).trim().toLowerCase(), line.slice(equals + 1).trim());
  }
  return entries;
}
