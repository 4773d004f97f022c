import type { AzureConnection } from './azure-kms.ts';
import { authorityOf } from './clouds.ts';
import type { AzureSettings } from './config.ts';
import { KEY_VERSION } from './key-identifier.ts';

/** Where a configuration leads, and which versions its stored wraps may name. */
export interface AzureTarget {
  readonly connection: AzureConnection;
  readonly keyName: string;
  /** The version that wraps; undefined: the newest. */
  readonly keyVersion: string | undefined;
  accepts(version: string): boolean;
}

/** Precondition: the settings passed their schema. */
export function targetOf(settings: AzureSettings): AzureTarget {
  const { vaultUrl, keyName, keyVersion, acceptedVersions, tenantId, credentials, emulator, caFile } = settings;
  const authorityHost = settings.authorityHost ?? authorityOf(vaultUrl);
  const listed =
    acceptedVersions === undefined
      ? undefined
      : new Set([...acceptedVersions, ...(keyVersion === undefined ? [] : [keyVersion])]);
  return {
    connection: { vaultUrl: new URL(vaultUrl).origin, authorityHost, tenantId, credentials, isEmulator: emulator, caFile },
    keyName,
    keyVersion,
    accepts: (version) => KEY_VERSION.test(version) && (listed === undefined || listed.has(version)),
  };
}
