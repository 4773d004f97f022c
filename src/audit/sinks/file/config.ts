import * as z from 'zod';
import { pathField } from '../../../settings/fields.ts';

/** Settings of a sink that writes into a file (docs/audit.md). */
export const fileSinkSchema = z
  .strictObject({
    path: pathField(
      'The file that records are added to, one line of JSON each; made with mode 0600 where it is missing. Nothing else may write to it. It may be moved away at any time: a new one is made then.',
    ),
  })
  .describe('Adds records to a file, one line each.');

export type FileSinkSettings = z.output<typeof fileSinkSchema>;
