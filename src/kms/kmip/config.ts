import { isIP } from 'node:net';
import * as z from 'zod';

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

const path = (description: string) => z.string().min(1).meta({ description, isPath: true, kind: 'path' });

const host = z.string().refine((text) => HOST_NAME.test(text) || isIP(text) !== 0, {
  error: 'must be a host name or an IP address, without scheme, port and path',
});

const printable = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not hold control characters' });

const credential = z.strictObject({
  usernameFile: path('Path of a file that holds the user name; read for each connection.'),
  passwordFile: path('Path of a file that holds the password; read for each connection.'),
});

const key = z
  .strictObject({
    uniqueIdentifier: printable(256).optional().describe('Unique Identifier of the key, as the KMIP server gave it.'),
    name: printable(256)
      .optional()
      .describe('Name of the key, looked up with Locate: exactly one symmetric key that the daemon may see must bear it.'),
  })
  .refine(({ uniqueIdentifier, name }) => (uniqueIdentifier === undefined) !== (name === undefined), {
    error: 'must hold either uniqueIdentifier or name',
  });

/** Settings of a key in a KMIP server (docs/providers/kmip.md). */
export const kmipSettingsSchema = z.strictObject({
  host: host.describe('Host name or IP address of the KMIP server.'),
  port: z.int().min(1).max(65_535).default(5_696).describe('TCP port of the KMIP server, 1 to 65,535. Default 5696.'),
  servername: host
    .optional()
    .describe("Name that the server's certificate must bear, and that is sent to it (SNI). Default: `host`."),
  caFile: path(
    "Path of the PEM file of the authorities that may have issued the server's certificate; no others are trusted. Read for each connection.",
  ),
  certificateFile: path("Path of the PEM file of the daemon's client certificate and its chain; read for each connection."),
  keyFile: path('Path of the PEM file of its private key, not encrypted; read for each connection.'),
  credential: credential
    .optional()
    .describe('User name and password, where the server asks for them beside the client certificate. Default none.'),
  key: key.describe('The key that wraps.'),
  ivSource: z
    .enum(['server', 'caller'])
    .default('server')
    .describe(
      'Who makes the IV of a wrap: `server` (Random IV) or `caller` (12 random bytes of the daemon, for servers that make none). Default server.',
    ),
  batching: z
    .boolean()
    .default(true)
    .describe(
      "Whether the key's state and the use of the key are asked for in one request of two items; false: in two requests. Default true.",
    ),
  connections: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('Connections to the server at most, 1 to 64; keys with the same server and files share them. Default 4.'),
});

export type KmipSettings = z.output<typeof kmipSettingsSchema>;
