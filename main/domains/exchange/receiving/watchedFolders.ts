import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { AssociationLog } from './associationLog.ts';
import { lookInto, type SeenFile } from './folderLook.ts';
import { openWatchedRows } from './watchedRows.ts';

export interface FolderState {
  readonly path: string;
  /** Failure code of why it can't be watched; null while it is. */
  readonly failure: string | null;
}

/** Imports the new files of some folders, which stay where they are. */
export interface WatchedFolders {
  set(folders: readonly string[]): void;
  state(): FolderState[];
  close(): Promise<void>;
}

export interface WatchTimes {
  /** Between two looks at a folder, ms; a look that takes long makes the pause longer. */
  readonly lookMs: number;
  /** A file is taken once neither its length nor its time of change has moved for so long, ms. */
  readonly stableMs: number;
}

const usualTimes: WatchTimes = { lookMs: 5_000, stableMs: 2_000 };
/** Files to one import. */
const mostPerImport = 1_000;
/** Between two looks after an import that failed, at most; the first pause is two usual ones, and each doubles. */
const longestPauseMs = 5 * 60_000;
const pruneEveryMs = 24 * 60 * 60_000;

interface Watch {
  readonly folder: string;
  failure: string | null;
  /** Path → what was seen, and since when; `isDone` when it is imported. */
  files: Map<string, SeenFile & { readonly sinceMs: number; readonly isDone: boolean }>;
  timer: NodeJS.Timeout | null;
  looking: Promise<void>;
  /** What the last look at the folder itself took, ms. */
  lookTookMs: number;
  /** Imports that failed, one after the other. */
  failures: number;
  prunedMs: number | null;
  readonly abort: AbortController;
}

/** @param changed told when a folder can be read again, or can't any more */
export function openWatchedFolders(
  store: OpenStore,
  services: () => Services,
  log: AssociationLog,
  changed: () => void,
  times: WatchTimes = usualTimes,
): WatchedFolders {
  const { gate, jobs, platform } = store;
  const rows = openWatchedRows(store);
  const watches = new Map<string, Watch>();

  function start(folder: string): void {
    const watch: Watch = {
      folder,
      failure: null,
      files: new Map(),
      timer: null,
      looking: Promise.resolve(),
      lookTookMs: 0,
      failures: 0,
      prunedMs: null,
      abort: new AbortController(),
    };
    watches.set(folder, watch);
    schedule(watch, 0);
  }

  function stop(watch: Watch): Promise<void> {
    watches.delete(watch.folder);
    watch.abort.abort();
    if (watch.timer !== null) clearTimeout(watch.timer);
    return watch.looking;
  }

  function schedule(watch: Watch, afterMs: number): void {
    if (watch.abort.signal.aborted) return;
    watch.timer = setTimeout(() => {
      watch.looking = look(watch)
        .catch((error: unknown) => {
          watch.failures += 1;
          // The next look tries again; a path in what the system says may name a person.
          platform.log.error('a watched folder could not be imported', new Error(codeOf(error)));
        })
        .then(() => schedule(watch, pauseOf(watch)));
    }, afterMs).unref();
  }

  function pauseOf({ lookTookMs, failures }: Watch): number {
    const usual = Math.max(times.lookMs, Math.min(10 * lookTookMs, longestPauseMs));
    return failures === 0
      ? usual
      : Math.max(usual, Math.min(times.lookMs * 2 ** Math.min(failures, 20), longestPauseMs));
  }

  function say(watch: Watch, failure: string | null): void {
    if (watch.failure === failure) return;
    watch.failure = failure;
    if (failure !== null) platform.log.warn('a watched folder cannot be read', { failure });
    changed();
  }

  async function look(watch: Watch): Promise<void> {
    const startedMs = performance.now();
    let seen: SeenFile[];
    try {
      seen = await lookInto(watch.folder, watch.abort.signal);
    } catch (error) {
      if (codeOf(error) === 'unknown') throw error;
      say(watch, 'exchange.folderUnreadable');
      return;
    }
    say(watch, null);
    const nowMs = performance.now();
    watch.lookTookMs = nowMs - startedMs;
    // What an earlier run of the program began goes on by itself: its files are not to be taken twice.
    for (const jobId of rows.unfinished(watch.folder)) if (!(await settle(watch, jobId))) return;
    const isSame = (file: SeenFile): boolean => {
      const before = watch.files.get(file.path);
      return before !== undefined && before.size === file.size && before.mtimeMs === file.mtimeMs;
    };
    const isNew = new Set(
      await rows.unknownOf(
        watch.folder,
        seen.filter((file) => !isSame(file)),
      ),
    );
    const files: Watch['files'] = new Map();
    for (const file of seen) {
      const before = isSame(file) ? watch.files.get(file.path) : undefined;
      files.set(file.path, before ?? { ...file, sinceMs: nowMs, isDone: !isNew.has(file) });
    }
    watch.files = files;
    const ripe = [...files.values()].filter(({ isDone, sinceMs }) => !isDone && nowMs - sinceMs >= times.stableMs);
    for (let start = 0; start < ripe.length && !watch.abort.signal.aborted; start += mostPerImport)
      if (!(await importFiles(watch, ripe.slice(start, start + mostPerImport)))) return;
    watch.failures = 0;
    if (watch.abort.signal.aborted || (watch.prunedMs !== null && nowMs - watch.prunedMs < pruneEveryMs)) return;
    watch.prunedMs = nowMs;
    await rows.prune(watch.folder, seen, [...watches.keys()], watch.abort.signal);
  }

  /**
   * Files that are not DICOM are dealt with too: they are listed with the import, and not tried again.
   *
   * @returns whether they are dealt with
   */
  async function importFiles(watch: Watch, files: readonly SeenFile[]): Promise<boolean> {
    const jobId = services().imaging.importPaths(
      systemAuthor,
      files.map(({ path }) => path),
      true,
    );
    rows.begin(watch.folder, files, jobId);
    if (!(await settle(watch, jobId))) return false;
    for (const file of files) watch.files.set(file.path, { ...file, sinceMs: 0, isDone: true });
    return true;
  }

  function isKnownJob(jobId: string): boolean {
    try {
      jobs.get(jobId);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.code === 'jobs.unknown') return false;
      throw error;
    }
  }

  /** Waits for an import and notes how it ended; false when its files are to be taken again, now or after a restart. */
  async function settle(watch: Watch, jobId: string): Promise<boolean> {
    const { signal } = watch.abort;
    const stopped = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    // A rebuilt index may not know of an import of before.
    const lost = { state: 'interrupted', endedAt: 0, createdAt: 0 } as const;
    const ended = isKnownJob(jobId) ? await Promise.race([jobs.finished(jobId), stopped]) : lost;
    // Cut off by the end of the core: the import goes on after its next start.
    if (ended === null || ended.endedAt === null) return false;
    if (ended.state !== 'done') {
      // Out of room, or cancelled by a person.
      watch.failures += 1;
      rows.forget(jobId);
      return false;
    }
    const summary = services().imaging.getImportSummary(jobId);
    const files = rows.count(jobId);
    const begun = {
      associationId: jobId,
      channel: 'watch',
      callingAe: '',
      calledAe: '',
      address: watch.folder,
      nodeId: null,
      startedAt: ended.createdAt,
    } as const;
    gate.append(systemAuthor, (tx) => {
      rows.finish(tx, jobId);
      log.note(tx, begun, summary);
    });
    const reasons: Record<string, number> = {};
    for (const { reason } of summary.rejected) reasons[reason] = (reasons[reason] ?? 0) + 1;
    log.end(systemAuthor, begun, {
      endedAt: platform.clock.nowMs(),
      ending: 'released',
      details: { files },
      refused: summary.rejected.length,
      reasons,
      isWhole: true,
      missing: null,
    });
    return true;
  }

  return {
    set(folders) {
      for (const watch of [...watches.values()]) if (!folders.includes(watch.folder)) void stop(watch);
      for (const folder of folders) if (!watches.has(folder)) start(folder);
    },
    state: () => [...watches.values()].map(({ folder, failure }) => ({ path: folder, failure })),
    async close() {
      await Promise.all([...watches.values()].map(stop));
    },
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
