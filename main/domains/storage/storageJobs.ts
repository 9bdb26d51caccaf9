import { Failure } from '../../../app/shared/failure.ts';
import { writeBackup } from '../../database/backup.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import { type IndexBuilder, openIndexBuilder, openOldIndex, takenOverTables } from '../../database/rebuildIndex.ts';
import type { Replayer } from '../../database/replay.ts';
import { archiveWaitingOf } from '../../database/statementOutbox.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import type { Author } from '../../database/writeGate.ts';

/** What of the index no archived object tells: taken over from the old one. */
const keptTables = [...takenOverTables, 'import_run', 'import_rejection'];

export interface StorageParts {
  readonly holder: StoreHolder;
  /** Asked when a rebuild starts: the domains are open by then. */
  replayers(): readonly Replayer[];
}

/** Defines the jobs `backup` and `rebuildIndex` on a store that was just opened. */
export function defineStorageJobs({ holder, replayers }: StorageParts, store: OpenedStore): void {
  /** Finished by a job of this store, waiting for the job to end so that the store can be closed. */
  const finished = new Map<string, { builder: IndexBuilder; author: Author; mayLack: boolean }>();

  /** True for an index begun anew after damage: whatever the archive still tells is more than it shows. */
  const showsNothing = (): boolean =>
    store.reader.get(
      'SELECT 1 FROM study UNION ALL SELECT 1 FROM annotation_version UNION ALL SELECT 1 FROM report LIMIT 1',
    ) === undefined;

  store.jobs.define<{ directory: string }>({
    kind: 'backup',
    resumes: true,
    permission: 'storage.manage',
    async run({ directory }, handle, author) {
      const { manifest, damaged, lost } = await writeBackup(store, holder.keys(), directory, {
        signal: handle.signal,
        report: (done, total, bytesDone, bytesTotal) => handle.report({ done, total, bytesDone, bytesTotal }),
      });
      const counts = { objects: manifest.objectCount, damaged: damaged.length + lost.length };
      handle.report({ counts });
      const detail = { ...counts, ...namesOf('damagedNames', damaged), ...namesOf('lostNames', lost) };
      if (lost.length > 0) {
        store.gate.record(author, 'storage.backup', 'failed', { type: 'store', id: store.siteId }, detail);
        throw new Failure('storage.backupIncomplete', 'archived objects are damaged and in no backup', counts);
      }
      store.gate.write(author, 'storage.backup', (tx) => {
        tx.subject({ type: 'store', id: tx.siteId }, detail);
        tx.topic('storage');
      });
    },
  });

  store.jobs.define<null>({
    kind: 'rebuildIndex',
    resumes: false,
    permission: 'storage.manage',
    async run(_input, handle, author) {
      const mayLack = showsNothing();
      const builder = openIndexBuilder({
        platform: store.platform,
        keys: holder.keys(),
        archive: store.archive,
        replayers: replayers(),
      });
      try {
        await builder.catchUp(handle.signal, (done, total) =>
          handle.report({ done, total, counts: { ...builder.counts } }),
        );
        handle.report({ counts: { ...builder.counts } });
        if (!mayLack) refuseIncomplete(builder);
      } catch (error) {
        builder.discard();
        throw error;
      }
      finished.set(handle.jobId, { builder, author, mayLack });
      // The store can only be closed once its jobs have ended; whoever closes the core waits for this.
      void store.jobs.finished(handle.jobId).then((job) => swapIn(handle.jobId, job.state === 'done'));
    },
  });

  async function swapIn(jobId: string, wanted: boolean): Promise<void> {
    const found = finished.get(jobId);
    if (!found) return;
    finished.delete(jobId);
    const { builder, author, mayLack } = found;
    if (!wanted) {
      builder.discard();
      return;
    }
    let taken = false;
    try {
      const keys = holder.keys();
      const opened = await holder.reopen(async () => {
        try {
          const old = openOldIndex(holder.platform.home, keys);
          try {
            archiveWaitingOf(old, store.archive.prepareSync);
            // What was archived since the job's last look: nothing can be added now.
            await builder.catchUp(new AbortController().signal, () => undefined);
            if (!mayLack) refuseIncomplete(builder);
            builder.takeOver(old, keptTables);
          } finally {
            old.close();
          }
          builder.swap();
          taken = true;
        } catch (error) {
          // The old index is untouched and opens again.
          builder.discard();
          holder.platform.log.error('the rebuilt index was not taken', error);
        }
      });
      if (!taken) {
        opened.gate.record(author, 'index.rebuilt', 'failed', { type: 'store', id: opened.siteId });
        return;
      }
      opened.gate.write(author, 'index.rebuilt', (tx) => {
        tx.subject({ type: 'store', id: tx.siteId }, { ...builder.counts });
        for (const topic of [
          'studies',
          'patients',
          'worklist',
          'annotations',
          'keyImages',
          'reports',
          'documents',
          'jobs',
        ] as const)
          tx.topic(topic);
      });
    } catch (error) {
      holder.platform.log.error('the store could not be opened again after a rebuild', error);
    }
  }
}

/** Names of damaged objects for the audit; what they are of is looked up in the index. The first hundred say enough. */
function namesOf(key: string, names: readonly string[]): Record<string, string> {
  return names.length === 0 ? {} : { [key]: names.slice(0, 100).join(' ') };
}

/** An index that lacks something the old one may still show is no improvement: the old one stays. */
function refuseIncomplete({ counts }: IndexBuilder): void {
  if (counts.damaged > 0)
    throw new Failure('storage.objectDamaged', 'archived objects could not be replayed', { objects: counts.damaged });
}
