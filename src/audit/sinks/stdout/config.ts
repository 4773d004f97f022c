import * as z from 'zod';

/** Settings of a sink that writes to the standard output (docs/audit.md): none. */
export const stdoutSinkSchema = z
  .strictObject({})
  .describe("Writes records to the daemon's standard output, one line each, between the lines of its log.");

export type StdoutSinkSettings = z.output<typeof stdoutSinkSchema>;
