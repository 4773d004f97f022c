import * as z from 'zod';

const DEFAULT_SESSIONS = 4;
const DEFAULT_HANG_MS = 2_500;

const path = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const mechanism = (name: string) =>
  z.int().min(1).max(0xffff_ffff).optional().describe(`Number of the mechanism for ${name}, e.g. 0x210B. Default: the preset's.`);

const algorithm = z.enum(['aes-gcm', 'aes-kwp', 'rsa-oaep']);

const label = (what: string, bytes: number) =>
  z
    .string()
    .min(1)
    .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= bytes, {
      error: `must be at most ${bytes} bytes of UTF-8`,
    })
    .optional()
    .describe(`Label of the ${what}, exactly; at most ${bytes} bytes.`);

const token = z
  .strictObject({
    label: label('token', 32),
    serial: z
      .string()
      .regex(/^[\x21-\x7e]{1,16}$/, { error: 'must be 1 to 16 printable characters' })
      .optional()
      .describe('Serial number of the token; at most 16 characters.'),
  })
  .refine(({ label, serial }) => label !== undefined || serial !== undefined, { error: 'must name label or serial' })
  .describe('Which token (partition) holds the key. Exactly one token must match all that is given.');

const key = z
  .strictObject({
    id: z
      .string()
      .regex(/^(?:[0-9a-fA-F]{2}){1,64}$/, { error: 'must be 1 to 64 bytes in hex' })
      .optional()
      .describe('CKA_ID of the key in hex, 1 to 64 bytes.'),
    label: label('key (CKA_LABEL)', 256),
  })
  .refine(({ id, label }) => id !== undefined || label !== undefined, { error: 'must name id or label' })
  .describe('Which key. Exactly one object of the class must match all that is given.');

const mechanisms = z
  .strictObject({
    aesGcm: mechanism('AES-GCM'),
    aesKwp: mechanism('AES key wrap with padding (RFC 5649)'),
    rsaOaep: mechanism('RSA-OAEP'),
  })
  .default({})
  .describe("The module's own mechanism numbers where they differ from the preset's.");

/** Settings of a key in an HSM that is reached through a PKCS#11 module (docs/providers/pkcs11.md). */
export const pkcs11SettingsSchema = z
  .strictObject({
    module: z
      .string()
      .regex(/^\/[^\0]*$/, { error: 'must be an absolute path' })
      .describe("Absolute path of the vendor's PKCS#11 module. It is loaded into a process of its own, never into the daemon."),
    preset: z
      .enum(['standard', 'softhsm', 'nss', 'luna', 'luna-fips', 'cloudhsm'])
      .default('standard')
      .describe('Whose habits the module has: mechanism numbers, IV policy, how it wraps. Default standard (PKCS#11 3.1).'),
    initString: z
      .string()
      .regex(/^[^\0]{1,4096}$/, { error: 'must be 1 to 4,096 characters' })
      .optional()
      .describe("Parameters for C_Initialize, which NSS needs: configdir='sql:/path' and so on. Default none."),
    token,
    slot: z.int().min(0).optional().describe('Slot id, where label and serial do not tell tokens apart. Default: any slot.'),
    key,
    keyClass: z
      .enum(['secret', 'rsa'])
      .default('secret')
      .describe('Class of the key: secret (AES) or rsa (a key pair). Default secret.'),
    pinFile: path(
      "Path of the file with the user's PIN (CloudHSM: `user:password`); one line end at its end is dropped. A PIN that was refused is not tried again until the file changes.",
    ),
    algorithm: algorithm
      .optional()
      .describe('What new data keys are wrapped with. Default: aes-kwp (cloudhsm: aes-gcm); rsa-oaep for keyClass rsa.'),
    acceptedAlgorithms: z
      .array(algorithm)
      .max(3)
      .default([])
      .describe('Algorithms that stored wraps may also have, e.g. the previous one of this key. Default none.'),
    mechanisms,
    ivPolicy: z
      .enum(['caller', 'hsm-prefix', 'hsm-suffix'])
      .optional()
      .describe(
        "Who makes the IV of AES-GCM: caller, or the HSM, which returns it before or after the ciphertext. Default: the preset's.",
      ),
    kwpCall: z
      .enum(['encrypt', 'wrap'])
      .optional()
      .describe("How key wrap is called: encrypt (over data) or wrap (over a session object). Default: the preset's."),
    oaepHash: z.enum(['sha256', 'sha1']).default('sha256').describe('Hash of RSA-OAEP. Default sha256.'),
    allowSha1ForTests: z
      .boolean()
      .default(false)
      .describe('Allows oaepHash sha1, for modules of test installations that know nothing better. Default false.'),
    sessions: z
      .int()
      .min(1)
      .max(32)
      .default(DEFAULT_SESSIONS)
      .describe(
        `Sessions to the token that work at once, 1 to 32. More than 4 need UV_THREADPOOL_SIZE in the daemon's environment. Default ${DEFAULT_SESSIONS}.`,
      ),
    hangAfterMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(DEFAULT_HANG_MS)
      .describe(
        `Milliseconds without an answer after which the module's process is killed and started anew, 100 to 60,000. Default ${DEFAULT_HANG_MS}.`,
      ),
  })
  .superRefine((settings, context) => {
    for (const { path: at, message } of contradictions(settings)) context.addIssue({ code: 'custom', path: [...at], message });
  });

export type Pkcs11Settings = z.output<typeof pkcs11SettingsSchema>;
export type Pkcs11Algorithm = z.output<typeof algorithm>;

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function* contradictions(settings: {
  readonly keyClass: 'secret' | 'rsa';
  readonly algorithm?: Pkcs11Algorithm | undefined;
  readonly acceptedAlgorithms: readonly Pkcs11Algorithm[];
  readonly oaepHash: 'sha256' | 'sha1';
  readonly allowSha1ForTests: boolean;
}): Generator<Contradiction> {
  const { keyClass } = settings;
  const fits = (name: Pkcs11Algorithm): boolean => (name === 'rsa-oaep') === (keyClass === 'rsa');
  if (settings.algorithm !== undefined && !fits(settings.algorithm)) {
    yield { path: ['algorithm'], message: `is not one of a key of class ${keyClass}` };
  }
  for (const [index, name] of settings.acceptedAlgorithms.entries()) {
    if (!fits(name)) yield { path: ['acceptedAlgorithms', index], message: `is not one of a key of class ${keyClass}` };
  }
  if (settings.oaepHash === 'sha1' && !settings.allowSha1ForTests) {
    yield { path: ['oaepHash'], message: 'must be sha256: sha1 is for tests only (allowSha1ForTests)' };
  }
}
