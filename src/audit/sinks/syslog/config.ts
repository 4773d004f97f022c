import { z } from 'zod';

const path = (description: string) => z.string().min(1).meta({ isPath: true }).describe(description);

const PRINTABLE = /^[!-~]+$/;

/** Settings of a sink that is a syslog receiver over TLS (docs/audit.md). */
export const syslogSinkSchema = z
  .strictObject({
    host: z.string().min(1).max(255).describe('Host name or address of the receiver.'),
    port: z.int().min(1).max(65_535).default(6514).describe('Its port.'),
    serverName: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe("The name that the receiver's certificate must have; left out, `host`."),
    caFile: path("Authorities to trust instead of the system's, PEM.").optional(),
    certificateFile: path("The daemon's certificate and its chain, PEM, for receivers that ask for one.").optional(),
    privateKeyFile: path("The certificate's private key, PEM.").optional(),
    hostname: z
      .string()
      .regex(PRINTABLE, { error: 'must be printable characters without spaces' })
      .max(255)
      .optional()
      .describe('HOSTNAME of the messages; left out, that of the machine or pod.'),
    appName: z
      .string()
      .regex(PRINTABLE, { error: 'must be printable characters without spaces' })
      .max(48)
      .default('keyside')
      .describe('APP-NAME of the messages.'),
    facility: z.int().min(0).max(23).default(13).describe('Facility of the messages; 13 is "log audit".'),
  })
  .refine(({ certificateFile, privateKeyFile }) => (certificateFile === undefined) === (privateKeyFile === undefined), {
    error: 'certificateFile and privateKeyFile go together',
    path: ['certificateFile'],
  })
  .describe('Sends records to a syslog receiver: RFC 5424 messages over TLS (RFC 5425).');

export type SyslogSinkSettings = z.output<typeof syslogSinkSchema>;
