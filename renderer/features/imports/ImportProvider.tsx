import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApi } from '../../api/ApiProvider.tsx';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { type Collected, collectEntries, filesOf } from './collectFiles.ts';
import { HostImportDialog } from './HostImportDialog.tsx';
import { ImportDialog } from './ImportDialog.tsx';
import { ImportSummaryDialog } from './ImportSummaryDialog.tsx';
import { endCutUploads, isUploading, type LocalRejection, startUpload, stopUpload } from './uploads.ts';

export interface ImportActions {
  /** Opens the ways to bring studies in. */
  openMenu(): void;
  importEntries(entries: readonly FileSystemEntry[]): void;
  importFiles(files: FileList): void;
  showSummary(jobId: string): void;
}

const ImportContext = createContext<ImportActions | null>(null);

/** The import's actions. @throws outside the workspace */
export function useImport(): ImportActions {
  const actions = useContext(ImportContext);
  if (!actions) throw new Error('useImport outside ImportProvider');
  return actions;
}

/** Holds the imports that this window began: it brings their files, says how they ended, and shows their summary. */
export function ImportProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation('imports');
  const api = useApi();
  const toast = useToast();
  const failureText = useFailureText();
  const canImport = useCan('studies.import');
  const [menuOpen, setMenuOpen] = useState(false);
  const [hostOpen, setHostOpen] = useState(false);
  const [summaryOf, setSummaryOf] = useState<string | null>(null);
  const [localRejected, setLocalRejected] = useState<ReadonlyMap<string, readonly LocalRejection[]>>(new Map());
  const filesInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  /** Jobs begun here whose end has not been told yet. */
  const begun = useRef(new Set<string>());
  const jobs = useQueryOf('jobs.list', undefined);

  const fail = useCallback(
    (failure: unknown) => toast({ tone: 'danger', text: failureText(failure) }),
    [toast, failureText],
  );

  const importCollected = useCallback(
    async (collected: Collected) => {
      if (collected.files.length === 0) {
        toast({ tone: 'warning', text: t('nothing') });
        return;
      }
      try {
        const { jobId, sent } = await startUpload(api, collected);
        begun.current.add(jobId);
        toast({ tone: 'inform', text: t('started', { count: collected.files.length }) });
        const rejected = await sent;
        if (rejected.length > 0) setLocalRejected((all) => new Map(all).set(jobId, rejected));
      } catch (failure) {
        fail(failure);
      }
    },
    [api, fail, t, toast],
  );

  const importEntries = useCallback(
    (entries: readonly FileSystemEntry[]) => {
      if (!canImport) {
        toast({ tone: 'warning', text: t('notAllowed') });
        return;
      }
      collectEntries(entries, new AbortController().signal).then(importCollected, fail);
    },
    [canImport, fail, importCollected, t, toast],
  );

  const importFiles = useCallback(
    (files: FileList) => {
      if (canImport) void importCollected(filesOf(files));
      else toast({ tone: 'warning', text: t('notAllowed') });
    },
    [canImport, importCollected, t, toast],
  );

  // Says once how each import begun here ended, with the way to what was not taken.
  useEffect(() => {
    for (const job of jobs.data ?? []) {
      if (!begun.current.has(job.jobId) || job.endedAt === null) continue;
      begun.current.delete(job.jobId);
      if (job.state === 'cancelled') stopUpload(job.jobId);
      const count = job.counts['imported'] ?? 0;
      const attention = (job.counts['rejected'] ?? 0) + (job.counts['conflicts'] ?? 0);
      // Never a dialog that opens by itself: whoever is measuring an image must not have the keys taken away.
      const look = { label: t('look'), run: () => setSummaryOf(job.jobId) };
      const state = job.failure === 'jobs.interrupted' ? 'interrupted' : job.state;
      if (state !== 'done') toast({ tone: 'warning', text: t(`endedAs.${state}`, { count }), action: look });
      else if (attention > 0) toast({ tone: 'warning', text: t('endedAttention', { count, attention }), action: look });
      else toast({ tone: 'done', text: t('ended', { count }) });
    }
  }, [jobs.data, t, toast]);

  useEffect(() => {
    if (canImport) endCutUploads(api).catch(fail);
  }, [api, canImport, fail]);

  // Leaving the page stops what it is bringing: the browser asks first.
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent): void => {
      if (isUploading()) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, []);

  const actions = useMemo<ImportActions>(
    () => ({ openMenu: () => setMenuOpen(true), importEntries, importFiles, showSummary: setSummaryOf }),
    [importEntries, importFiles],
  );
  const chosen = (input: HTMLInputElement): void => {
    const collected = filesOf(input.files);
    input.value = '';
    setMenuOpen(false);
    void importCollected(collected);
  };
  return (
    <ImportContext.Provider value={actions}>
      {children}
      <input
        ref={filesInput}
        type="file"
        multiple
        hidden
        data-testid="import-files"
        onChange={(event) => chosen(event.currentTarget)}
      />
      <input
        ref={folderInput}
        type="file"
        hidden
        data-testid="import-folder"
        {...{ webkitdirectory: '' }}
        onChange={(event) => chosen(event.currentTarget)}
      />
      <ImportDialog
        open={menuOpen && canImport}
        onClose={() => setMenuOpen(false)}
        onFiles={() => filesInput.current?.click()}
        onFolder={() => folderInput.current?.click()}
        onHost={() => {
          setMenuOpen(false);
          setHostOpen(true);
        }}
      />
      <HostImportDialog
        open={hostOpen}
        onClose={() => setHostOpen(false)}
        onStarted={(jobId) => {
          begun.current.add(jobId);
          setHostOpen(false);
          toast({ tone: 'inform', text: t('startedHost') });
        }}
      />
      <ImportSummaryDialog
        jobId={summaryOf}
        localRejected={(summaryOf && localRejected.get(summaryOf)) || []}
        onClose={() => setSummaryOf(null)}
      />
    </ImportContext.Provider>
  );
}
