import { awsSettingsSchema } from '../kms/aws/config.ts';
import { localSettingsSchema } from '../kms/local/config.ts';
import { pathFieldsOf } from './path-fields.ts';

/** The schema of each provider's settings; in a file they stand in a block named like the provider. */
export const PROVIDER_SETTINGS = { local: localSettingsSchema, aws: awsSettingsSchema } as const;

/** The providers that a key may name. */
export type ConfiguredProvider = keyof typeof PROVIDER_SETTINGS;

export const CONFIGURED_PROVIDERS = Object.keys(PROVIDER_SETTINGS) as ConfiguredProvider[];

/** Which of a provider's settings are paths of files. */
export const PROVIDER_PATHS = {
  local: pathFieldsOf(localSettingsSchema),
  aws: pathFieldsOf(awsSettingsSchema),
} as const satisfies Record<ConfiguredProvider, unknown>;
