import { z } from 'zod';

/** Settings of a sink that writes into a file (docs/audit.md). */
export const fileSinkSchema = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .meta({ isPath: true })
      .describe(
        'The file that records are added to, one line of JSON each; made with mode 0600 where it is missing. It may be moved away at any time: a new one is made then.',
      ),
  })
  .describe('Adds records to a file, one line each.');

export type FileSinkSettings = z.output<typeof fileSinkSchema>;
