import * as z from 'zod';
import { ID_PATTERN } from '../../core/ids.ts';

/** Settings of a software key (docs/providers/local.md). */
export const localSettingsSchema = z.strictObject({
  storeFile: z
    .string()
    .min(1)
    .meta({ isPath: true })
    .describe(
      'Path of the JSON file that holds the key, as `keyside local-kms create` writes it; mode 0600, owned by the user of the daemon.',
    ),
});

export type LocalSettings = z.output<typeof localSettingsSchema>;

export const LOCAL_STORE_FORMAT = 'keyside local key store v1';

/** The content of a key store file. */
export const localStoreSchema = z.strictObject({
  format: z.literal(LOCAL_STORE_FORMAT),
  /** For people who open the file. */
  warning: z.string(),
  id: z.string().regex(ID_PATTERN),
  state: z.enum(['enabled', 'disabled']),
  versions: z
    .array(
      z.strictObject({
        version: z.int().min(1),
        /** 32 bytes in base64. */
        key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
        createdAt: z.iso.datetime(),
      }),
    )
    .min(1)
    .refine((versions) => versions.every(({ version }, index) => version === index + 1), 'versions are not 1, 2, 3, …'),
});

export type LocalStore = z.output<typeof localStoreSchema>;
