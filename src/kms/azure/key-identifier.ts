/** What names a key in Azure: `https://<vault>/keys/<name>/<version>`. Pure text, no SDK. */

export const KEY_NAME = /^[0-9A-Za-z-]{1,127}$/;
export const KEY_VERSION = /^[0-9a-f]{32}$/;

const IDENTIFIER = /^https:\/\/[^/?#]+\/keys\/([0-9A-Za-z-]{1,127})\/([0-9a-f]{32})$/;

export interface AzureKeyIdentifier {
  readonly keyName: string;
  /** 32 hex digits. */
  readonly version: string;
}

/** Undefined for whatever else a reply holds in its place. Which vault it names is not looked at: TLS has said who answers. */
export function parseKeyIdentifier(kid: unknown): AzureKeyIdentifier | undefined {
  const parts = typeof kid === 'string' ? IDENTIFIER.exec(kid) : null;
  return parts === null ? undefined : { keyName: parts[1] as string, version: parts[2] as string };
}

/** Azure compares names without regard to case, and states them as they were created. */
export function isSameKey(identifier: AzureKeyIdentifier | undefined, asked: AzureKeyIdentifier): boolean {
  return identifier?.version === asked.version && identifier.keyName.toLowerCase() === asked.keyName.toLowerCase();
}
