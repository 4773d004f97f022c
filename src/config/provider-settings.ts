import type * as z from 'zod';
import { awsSettingsSchema } from '../kms/aws/config.ts';
import { azureSettingsSchema } from '../kms/azure/config.ts';
import { gcpSettingsSchema } from '../kms/gcp/config.ts';
import { kmipSettingsSchema } from '../kms/kmip/config.ts';
import { localSettingsSchema } from '../kms/local/config.ts';
import { pkcs11SettingsSchema } from '../kms/pkcs11/config.ts';
import { vaultSettingsSchema } from '../kms/vault/config.ts';
import { type PathField, pathFieldsOf } from './path-fields.ts';

/** The schema of each provider's settings; in a file they stand in a block named like the provider. */
export const PROVIDER_SETTINGS = {
  local: localSettingsSchema,
  aws: awsSettingsSchema,
  azure: azureSettingsSchema,
  gcp: gcpSettingsSchema,
  kmip: kmipSettingsSchema,
  pkcs11: pkcs11SettingsSchema,
  vault: vaultSettingsSchema,
} as const;

/** The providers that a key may name. */
export type ConfiguredProvider = keyof typeof PROVIDER_SETTINGS;

export const CONFIGURED_PROVIDERS = Object.keys(PROVIDER_SETTINGS) as ConfiguredProvider[];

type Settings = typeof PROVIDER_SETTINGS;

/** Which of a provider's settings are paths of files. */
export const PROVIDER_PATHS = eachProvider((schema) => pathFieldsOf(schema)) as Readonly<
  Record<ConfiguredProvider, readonly PathField[]>
>;

/** The blocks of a key's entry, one a provider, each named like it. */
export const SETTINGS_BLOCKS = eachProvider((schema, name) =>
  schema.optional().meta({ description: schema.meta()?.description ?? `Settings of a key of provider ${name}.` }),
) as { readonly [Name in ConfiguredProvider]: z.ZodOptional<Settings[Name]> };

function eachProvider(make: (schema: Settings[ConfiguredProvider], name: ConfiguredProvider) => unknown): unknown {
  return Object.fromEntries(CONFIGURED_PROVIDERS.map((name) => [name, make(PROVIDER_SETTINGS[name], name)]));
}
