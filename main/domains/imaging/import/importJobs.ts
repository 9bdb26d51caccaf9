import type { ImportSummary } from '../../../../app/domains/imaging/imagingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JobHandle } from '../../../background/jobs.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author } from '../../../database/writeGate.ts';
import { type ImportRun, type ImportSource, openImportRun, type RunParts } from './importRun.ts';
import { walkPaths } from './walkPaths.ts';

export interface ImportJobs {
  /** @param isWatched of a watched folder, on nobody's command */
  importPaths(author: Author, paths: readonly string[], isWatched?: boolean): string;
  startUpload(author: Author, expected: { files: number; bytes: number }): string;
  /** Resolves when the author's upload takes files. @throws Failure('imaging.importUnknown') */
  awaitUpload(jobId: string, author: Author): Promise<void>;
  /** Takes one file that a window sent; resolves when it has been read. @throws Failure('imaging.importUnknown') */
  upload(jobId: string, author: Author, path: string, bytes: ArrayBuffer): Promise<void>;
  /** `complete` false: the window stopped before it had sent all; what came is kept and the job says so. */
  finishUpload(jobId: string, author: Author, complete?: boolean): void;
  /** @throws Failure('imaging.importUnknown') */
  getSummary(jobId: string): ImportSummary;
}

interface PathsInput {
  readonly paths: readonly string[];
  readonly isWatched?: boolean;
}

interface UploadInput {
  readonly files: number;
  readonly bytes: number;
}

interface OpenUpload {
  readonly run: ImportRun;
  readonly operatorId: string | null;
  lastAt: number;
  sending: number;
  end(complete: boolean): void;
}

/** An upload whose window has gone silent is ended after so long; what came is kept. */
const silentUploadMs = 3 * 60_000;

/** Defines the job kinds that bring objects in: 'import' and 'samples' by path, 'upload' from a window. */
export function openImportJobs(parts: RunParts): ImportJobs {
  const { store } = parts;
  const uploads = new Map<string, OpenUpload>();

  for (const kind of ['import', 'samples'] as const) {
    store.jobs.define<PathsInput & { directory?: string }>({
      kind,
      resumes: true,
      permission: 'studies.import',
      run: (input, job, author) =>
        runPaths(
          parts,
          job,
          author,
          kind,
          input.directory === undefined ? input.paths : [input.directory],
          input.isWatched === true ? 'watch' : 'import',
        ),
    });
  }
  store.jobs.define<UploadInput>({
    kind: 'upload',
    // The bytes came from a window that is gone after a restart.
    resumes: false,
    permission: 'studies.import',
    run: (input, job, author) => runUpload(parts, uploads, input, job, author),
  });

  function find(jobId: string, author: Author): OpenUpload {
    const upload = uploads.get(jobId);
    if (!upload || upload.operatorId !== author.operatorId)
      throw new Failure('imaging.importUnknown', 'no such upload is open');
    return upload;
  }

  return {
    importPaths: (author, paths, isWatched = false) =>
      store.jobs.start('import', author, { paths, isWatched }, { action: 'imaging.importPaths' }),
    startUpload: (author, expected) => store.jobs.start('upload', author, expected, { action: 'imaging.startUpload' }),
    async awaitUpload(jobId, author) {
      // The job starts on the next turn of the loop; a window that is quick waits for it.
      if (!uploads.has(jobId)) await new Promise((resolve) => setImmediate(resolve));
      find(jobId, author);
    },
    async upload(jobId, author, path, bytes) {
      const upload = find(jobId, author);
      upload.sending += 1;
      try {
        await upload.run.addAndWait({ kind: 'bytes', path, bytes });
      } finally {
        upload.sending -= 1;
        upload.lastAt = performance.now();
      }
    },
    finishUpload: (jobId, author, complete = true) => find(jobId, author).end(complete),
    getSummary: (jobId) => readSummary(store, jobId),
  };
}

async function runPaths(
  parts: RunParts,
  job: JobHandle,
  author: Author,
  source: ImportSource,
  paths: readonly string[],
  channel: 'import' | 'watch',
): Promise<void> {
  const run = openImportRun(parts, job, author, source, channel);
  const counting = countFiles(paths, job.signal).then((files) => run.expect(files, 0));
  try {
    for await (const found of walkPaths(paths, job.signal)) {
      if (run.isDone(found.path)) continue;
      if (found.kind === 'unreadable') run.reject(found.path, found.reason);
      else await run.add(found);
    }
  } catch (error) {
    if (!job.signal.aborted && !(error instanceof Failure)) throw error;
    // What stopped the run is thrown by finish, after what is archived has its rows.
  } finally {
    await counting;
    await run.finish();
  }
}

/** How many files there are, for the progress; the folders are read once more, which costs little beside their files. */
async function countFiles(paths: readonly string[], signal: AbortSignal): Promise<number> {
  let files = 0;
  for await (const found of walkPaths(paths, signal)) if (found.kind !== 'dicomdir') files += 1;
  return files;
}

async function runUpload(
  parts: RunParts,
  uploads: Map<string, OpenUpload>,
  input: UploadInput,
  job: JobHandle,
  author: Author,
): Promise<void> {
  const run = openImportRun(parts, job, author, 'upload');
  run.expect(input.files, input.bytes);
  let end: (complete: boolean) => void = () => undefined;
  const ended = new Promise<boolean>((resolve) => {
    end = resolve;
  });
  const upload: OpenUpload = { run, operatorId: author.operatorId, lastAt: performance.now(), sending: 0, end };
  uploads.set(job.jobId, upload);
  job.signal.addEventListener('abort', () => end(false), { once: true });
  const watch = setInterval(() => {
    if (upload.sending === 0 && performance.now() - upload.lastAt > silentUploadMs) end(false);
  }, 30_000).unref();
  let complete = false;
  try {
    complete = await ended;
  } finally {
    clearInterval(watch);
    uploads.delete(job.jobId);
    await run.finish();
  }
  // What came is in; that not all came must not read as done.
  if (!complete) throw new Failure('jobs.interrupted', 'the window stopped sending');
}

function readSummary(store: OpenStore, jobId: string): ImportSummary {
  const run = store.reader.get<{
    imported: number;
    duplicates: number;
    conflicts: number;
    bytes: number;
    active_ms: number;
  }>('SELECT imported, duplicates, conflicts, bytes, active_ms FROM import_run WHERE job_id = ?', jobId);
  if (!run) throw new Failure('imaging.importUnknown', 'no such import');
  const rejected = store.reader.all<{ path: string; reason: string }>(
    'SELECT path, reason FROM import_rejection WHERE job_id = ? ORDER BY rejection_row',
    jobId,
  );
  return {
    imported: run.imported,
    duplicates: run.duplicates,
    conflicts: run.conflicts,
    rejected,
    bytes: run.bytes,
    seconds: run.active_ms / 1000,
  };
}
