/** Azure's clouds: where their vaults lie and who signs their tokens. Pure text, no SDK. */

interface Cloud {
  /** What follows the vault's or HSM's name. */
  readonly suffixes: readonly string[];
  readonly authorityHost: string;
}

/** learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates, "DNS suffixes for object identifiers". */
const CLOUDS: readonly Cloud[] = [
  { suffixes: ['vault.azure.net', 'managedhsm.azure.net'], authorityHost: 'https://login.microsoftonline.com' },
  { suffixes: ['vault.azure.cn', 'managedhsm.azure.cn'], authorityHost: 'https://login.chinacloudapi.cn' },
  { suffixes: ['vault.usgovcloudapi.net', 'managedhsm.usgovcloudapi.net'], authorityHost: 'https://login.microsoftonline.us' },
];

const VAULT_NAME = /^[a-z][a-z0-9-]{1,22}[a-z0-9]$/;
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** Who signs the tokens for this vault; undefined where the URL is not one of a vault or HSM of a known cloud. */
export function authorityOf(vaultUrl: string): string | undefined {
  const url = bareHttps(vaultUrl);
  if (url === undefined || url.port !== '') return undefined;
  const [name = '', ...rest] = url.hostname.split('.');
  if (!VAULT_NAME.test(name)) return undefined;
  return CLOUDS.find(({ suffixes }) => suffixes.includes(rest.join('.')))?.authorityHost;
}

export function isKnownAuthority(authorityHost: string): boolean {
  const origin = bareHttps(authorityHost)?.origin;
  return CLOUDS.some((cloud) => cloud.authorityHost === origin);
}

/** An https URL of this machine, with any port. */
export function isLoopback(text: string): boolean {
  return LOOPBACK.test(bareHttps(text)?.hostname ?? '');
}

/** https without path, query, fragment or credentials: a secret or token goes there, so nothing is left to interpretation. */
function bareHttps(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  return url.pathname === '/' && url.search === '' && url.hash === '' ? url : undefined;
}
