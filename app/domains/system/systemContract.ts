import * as z from 'zod';
import { op, streamOf, topics } from '../../shared/operation.ts';
import { languageSchema, unattendedStateSchema } from '../security/securitySchema.ts';

export const changeEventSchema = z.object({
  /** Grows by one with each publication of this core. */
  sequence: z.number().int(),
  /**
   * The sequence of the event before this one on the same stream; on the first, equal to `sequence`. Changes that come
   * fast travel as one event with all their topics, so `sequence` may leap: a window has missed something only when
   * `previous` is not the last sequence it saw, and then it refetches everything.
   */
  previous: z.number().int(),
  /** Empty on the first event of a stream, which comes at once. */
  topics: z.array(z.enum(topics)),
});
export type ChangeEvent = z.infer<typeof changeEventSchema>;

export const systemContract = {
  status: op({ shape: 'query', permission: 'public', reads: ['session'], audit: false }).output(
    z.object({
      /** empty: no store yet. sealed: a store whose key is not in memory. open: ready. */
      phase: z.enum(['empty', 'sealed', 'open']),
      version: z.string(),
      host: z.enum(['electron', 'local', 'cli', 'memory']),
      /** True for a throw-away store of sample studies. */
      sample: z.boolean(),
      siteName: z.string(),
      /** Set when the clock reads earlier than the last audit entry. */
      clockSetBackByMs: z.number(),
      unattended: unattendedStateSchema,
    }),
  ),
  /** First run: makes a throw-away store with the sample studies and signs a demonstration operator in. */
  openSample: op({ shape: 'command', permission: 'public', changes: ['session'], audit: false })
    /** Language of the demonstration operator, where the store is made now; English unless said. */
    .input(z.object({ language: languageSchema }).optional())
    /** The import of the sample studies, where it was started now. */
    .output(z.object({ jobId: z.uuid().nullable() })),
  /** Yields after each commit, coalesced. Before sign-in only topic `session` comes through. */
  watchChanges: op({ shape: 'stream', permission: 'public', audit: false }).output(streamOf(changeEventSchema)),
};
