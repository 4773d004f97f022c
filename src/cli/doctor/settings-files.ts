import type { PathField } from '../../config/path-fields.ts';
import { PROVIDER_PATHS } from '../../config/provider-settings.ts';
import type { FileToCheck } from './file-modes.ts';
import type { ConfiguredKey, ConfiguredTenant } from './tenants.ts';

/** Settings whose files hold nothing secret: certificates without a key, and the module of an HSM. */
const PUBLIC_SETTINGS = new Set(['caFile', 'clientCertificateFile', 'kmip.certificateFile', 'module']);

/** The files that the keys' settings name, once each: key stores and credentials. Files of disabled keys too: secret they are. */
export function settingsFiles(tenants: readonly ConfiguredTenant[]): Iterable<FileToCheck> {
  const files = new Map<string, FileToCheck>();
  for (const { keys } of tenants) {
    for (const key of keys) {
      for (const path of pathsOf(key)) {
        if (files.has(path)) continue;
        const isStore = key.provider === 'local';
        files.set(path, {
          path,
          kind: isStore ? 'keyStore' : 'secret',
          what: `${isStore ? 'key store' : 'credentials'} of ${key.id}`,
        });
      }
    }
  }
  return files.values();
}

function pathsOf({ provider, settings }: ConfiguredKey): readonly string[] {
  const fields: Readonly<Record<string, readonly PathField[]>> = PROVIDER_PATHS;
  const secret = (fields[provider] ?? []).filter((field) => !isPublic(provider, field.at(-1) ?? ''));
  return secret.flatMap((field) => pathsIn(settings, field));
}

function isPublic(provider: string, setting: string): boolean {
  return PUBLIC_SETTINGS.has(setting) || PUBLIC_SETTINGS.has(`${provider}.${setting}`);
}

/** The paths that stand in a field of the settings: several, one or none. */
export function pathsIn(value: unknown, [step, ...rest]: PathField): readonly string[] {
  if (step === undefined) return typeof value === 'string' ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value).filter(([key]) => step === '*' || step === key);
  return entries.flatMap(([, entry]) => pathsIn(entry, rest));
}
