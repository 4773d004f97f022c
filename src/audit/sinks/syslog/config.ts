import * as z from 'zod';
import { countField, pathField } from '../../../settings/fields.ts';

const printable = (maxCharacters: number) =>
  z
    .string()
    .regex(/^[!-~]+$/, { error: 'must be printable characters without spaces' })
    .max(maxCharacters);

/** Settings of a sink that is a syslog receiver over TLS (docs/audit.md). */
export const syslogSinkSchema = z
  .strictObject({
    host: z.string().min(1).max(255).describe('Host name or address of the receiver.'),
    port: countField({ description: 'Its port.', min: 1, max: 65_535 }).default(6514),
    serverName: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe("The name that the receiver's certificate must have; left out, `host`."),
    caFile: pathField("Authorities to trust instead of the system's, PEM.").optional(),
    certificateFile: pathField("The daemon's certificate and its chain, PEM, for receivers that ask for one.").optional(),
    privateKeyFile: pathField("The certificate's private key, PEM.").optional(),
    hostname: printable(255).optional().describe('HOSTNAME of the messages; left out, that of the machine or pod.'),
    appName: printable(48).default('keyside').describe('APP-NAME of the messages.'),
    facility: countField({ description: 'Facility of the messages; 13 is "log audit".', max: 23 }).default(13),
  })
  .superRefine(({ certificateFile, privateKeyFile }, context) => {
    if ((certificateFile === undefined) === (privateKeyFile === undefined)) return;
    const missing = privateKeyFile === undefined ? 'privateKeyFile' : 'certificateFile';
    context.addIssue({ code: 'custom', path: [missing], message: 'is missing: certificate and key go together' });
  })
  .describe('Sends records to a syslog receiver: RFC 5424 messages over TLS (RFC 5425).');

export type SyslogSinkSettings = z.output<typeof syslogSinkSchema>;
