import * as z from 'zod';
import { EVENT_KINDS } from '../audit/event.ts';
import { CONFIGURED_SINK_KINDS, SINK_BLOCKS } from './sink-settings.ts';

/** Most sinks of one list: each costs memory and a connection. */
const MAX_SINKS = 16;

export const sinkSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'must be 1 to 63 characters of a-z 0-9 -, not beginning with -' })
      .meta({
        description:
          'What it is called in metrics, logs and the spool, unique in its list. How far it has come is remembered under its name: a sink with another name begins anew.',
      }),
    kind: z
      .enum(CONFIGURED_SINK_KINDS)
      .meta({ description: 'What it speaks; its settings stand in the block of the same name.' }),
    events: z.array(z.enum(EVENT_KINDS)).min(1).optional().meta({
      description:
        'The kinds of records it gets; left out: all. Only where it gets all of them can `keyside audit verify` tell that none is missing.',
    }),
    ...SINK_BLOCKS,
  })
  .meta({ description: 'Where records go. Exactly the block that is named like the kind holds its settings.' });

export const sinksSchema = z.array(sinkSchema).max(MAX_SINKS).default([]);

export type SinkEntry = z.output<typeof sinkSchema>;
