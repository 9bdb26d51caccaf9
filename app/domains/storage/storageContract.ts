import * as z from 'zod';
import { op } from '../../shared/operation.ts';

export const storageContract = {
  /** Figures for the status line and the settings. */
  status: op({ shape: 'query', permission: 'signedIn', reads: ['storage', 'studies'], audit: false }).output(
    z.object({
      studies: z.number().int(),
      instances: z.number().int(),
      archiveBytes: z.number(),
      freeBytes: z.number(),
      lastBackupAt: z.number().nullable(),
      recoveryKeyConfirmed: z.boolean(),
      home: z.string(),
    }),
  ),
  /** Writes a complete, encrypted copy of the store to an empty or earlier backup folder. */
  backup: op({ shape: 'job', permission: 'storage.manage', changes: ['jobs', 'storage'], audit: true })
    .input(z.object({ directory: z.string().min(1).max(4096) }))
    .output(z.object({ jobId: z.uuid() })),
  /** Builds the index again from the archive alone, beside the old one, and swaps when complete. */
  rebuildIndex: op({
    shape: 'job',
    permission: 'storage.manage',
    changes: ['jobs', 'studies', 'patients', 'worklist', 'annotations', 'reports'],
    audit: true,
  }).output(z.object({ jobId: z.uuid() })),
  /** Checks that what the index names is in the archive and unharmed. */
  doctor: op({ shape: 'query', permission: 'storage.manage', audit: true }).output(
    z.object({
      ok: z.boolean(),
      checks: z.array(
        z.object({
          name: z.string(),
          ok: z.boolean(),
          /** In English, for the command line and support. */
          detail: z.string(),
          /** The figures of the detail, for a sentence in the window's language. */
          figures: z.record(z.string(), z.number()),
        }),
      ),
    }),
  ),
};
