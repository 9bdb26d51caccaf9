import { statfs } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { storageContract } from '../../../app/domains/storage/storageContract.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { HandlersOf } from '../../core.ts';
import { examineStore } from './doctor.ts';
import { defineStorageJobs, type StorageParts } from './storageJobs.ts';

/** Figures, backup, rebuild and check of the store. Defines its jobs on each store that opens. */
export function makeStorageHandlers(parts: StorageParts): HandlersOf<typeof storageContract> {
  const { holder } = parts;
  holder.onOpen((store) => defineStorageJobs(parts, store));

  return {
    async status(_input, context) {
      const store = context.store();
      const [figures] = await store.readLater<{ studies: number; instances: number; bytes: number }>(
        `SELECT count(*) AS studies, coalesce(sum(instance_count), 0) AS instances, coalesce(sum(bytes), 0) AS bytes FROM study`,
      );
      const { bavail, bsize } = await statfs(holder.platform.home);
      const backup = store.reader.get<{ ended_at: number | null }>(
        "SELECT max(ended_at) AS ended_at FROM job WHERE kind = 'backup' AND state = 'done'",
      );
      return {
        studies: figures?.studies ?? 0,
        instances: figures?.instances ?? 0,
        archiveBytes: figures?.bytes ?? 0,
        freeBytes: bavail * bsize,
        lastBackupAt: backup?.ended_at ?? null,
        recoveryKeyConfirmed: context.services().security.setting('recoveryKeyConfirmed') === 'true',
        home: holder.platform.home,
      };
    },
    backup({ directory }, context) {
      if (!isAbsolute(directory))
        throw new Failure('system.invalidInput', 'the backup folder must be an absolute path');
      const request = { action: 'storage.backup' };
      return { jobId: context.store().jobs.start('backup', context.author(), { directory }, request) };
    },
    rebuildIndex: (_input, context) => ({
      jobId: context.store().jobs.start('rebuildIndex', context.author(), null, { action: 'storage.rebuildIndex' }),
    }),
    doctor: () => examineStore(holder.store()),
  };
}
