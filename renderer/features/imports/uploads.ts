import { Failure } from '../../../app/shared/failure.ts';
import type { Api } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import type { Collected, FoundFile } from './collectFiles.ts';

export interface LocalRejection {
  readonly path: string;
  /** Failure code. */
  readonly reason: string;
}

interface Running {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

const running = new Map<string, Running>();

/** Files on their way at once. More than 4 gains nothing on loopback and starves the pictures. */
export const parallelUploads = 4;
const attempts = 3;
const pauseMs = 400;
/** How long a lock waits for the host to be told that no more files come. */
const lockPatienceMs = 1500;

/** Codes after which sending the next file is pointless: the import is over, the disk is full, nobody is signed in. */
function endsUpload(code: string): boolean {
  return (
    code.startsWith('jobs.') ||
    code.startsWith('security.') ||
    code === 'imaging.importUnknown' ||
    code === 'imaging.diskFull' ||
    code === 'storage.diskFull'
  );
}

/** Whether a file can be read at all, without reading it: fetch tells an unreadable body and a lost host alike. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function sendFile(
  api: Api,
  jobId: string,
  found: FoundFile,
  signal: AbortSignal,
): Promise<LocalRejection | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // The body is the File itself: the browser streams it and its size never meets the page's memory.
      await api.fetchAsset(`/imports/${jobId}/files`, {
        method: 'POST',
        body: found.file,
        headers: { 'content-type': 'application/octet-stream', 'x-salus-path': encodeURIComponent(found.path) },
        signal,
      });
      return null;
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = asFailure(error);
      if (endsUpload(failure.code)) throw failure;
      if (!(await isReadable(found.file))) return { path: found.path, reason: 'imaging.pathUnreadable' };
      if (attempt === attempts) return { path: found.path, reason: failure.code };
      await new Promise((resolve) => setTimeout(resolve, pauseMs * attempt));
    }
  }
}

/** Works off the files with a few senders at once; the first failure that ends the import stops them all. */
export async function sendAll(
  api: Api,
  jobId: string,
  files: readonly FoundFile[],
  abort: AbortController,
): Promise<readonly LocalRejection[]> {
  const rejected: LocalRejection[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < files.length && !abort.signal.aborted) {
      const found = files[next] as FoundFile;
      next += 1;
      const rejection = await sendFile(api, jobId, found, abort.signal);
      if (rejection) rejected.push(rejection);
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(parallelUploads, files.length) }, () =>
      sender().catch((error: unknown) => {
        abort.abort();
        throw error;
      }),
    ),
  );
  return rejected;
}

export interface UploadStarted {
  readonly jobId: string;
  /** Files that never reached the host, once sending is over. Rejects when the import as a whole failed. */
  readonly sent: Promise<readonly LocalRejection[]>;
}

/**
 * Opens an import and feeds it. The host counts, judges and keeps the files; this only brings them.
 *
 * @throws Failure when the host would not open an import
 */
export async function startUpload(api: Api, collected: Collected): Promise<UploadStarted> {
  const bytes = collected.files.reduce((sum, found) => sum + found.file.size, 0);
  let jobId: string;
  try {
    ({ jobId } = await api.client.imaging.startUpload({ files: collected.files.length, bytes }));
  } catch (error) {
    throw asFailure(error);
  }
  const abort = new AbortController();
  const run = async (): Promise<readonly LocalRejection[]> => {
    let complete = false;
    try {
      const rejected = await sendAll(api, jobId, collected.files, abort);
      complete = !abort.signal.aborted;
      return [...collected.unreadable.map(({ path }) => ({ path, reason: 'imaging.pathUnreadable' })), ...rejected];
    } finally {
      running.delete(jobId);
      rememberOpen();
      // Also after a stop: what has arrived is kept and indexed.
      await api.client.imaging.finishUpload({ jobId, complete }).catch((error: unknown) => {
        const failure = asFailure(error);
        // An import that was cancelled or is over needs no end.
        if (!endsUpload(failure.code)) throw failure;
      });
    }
  };
  const sent = run();
  running.set(jobId, {
    abort,
    ended: sent.then(
      () => undefined,
      () => undefined,
    ),
  });
  rememberOpen();
  return { jobId, sent };
}

/** The uploads that this tab has open, kept where a reload of the page finds them. */
const openKey = 'salus.openUploads';

function rememberOpen(): void {
  try {
    sessionStorage.setItem(openKey, JSON.stringify([...running.keys()]));
  } catch (error) {
    // Without it the host ends the upload itself, later.
    console.warn('open uploads could not be kept', error instanceof Error ? error.name : '');
  }
}

/** Ends what this tab was sending before the page was reloaded: its files are out of reach now. */
export async function endCutUploads(api: Api): Promise<void> {
  const kept: unknown = JSON.parse(sessionStorage.getItem(openKey) ?? '[]');
  const cut = (Array.isArray(kept) ? kept : []).filter((jobId) => typeof jobId === 'string' && !running.has(jobId));
  rememberOpen();
  for (const jobId of cut) {
    try {
      await api.client.imaging.finishUpload({ jobId, complete: false });
    } catch (error) {
      const failure = asFailure(error);
      if (!endsUpload(failure.code)) throw failure;
    }
  }
}

/** Stops sending one import's files, for instance because it was cancelled. */
export function stopUpload(jobId: string): void {
  running.get(jobId)?.abort.abort(new Failure('jobs.interrupted', 'upload stopped'));
}

export function isUploading(): boolean {
  return running.size > 0;
}

/** Stops every upload and tells the host, as far as it listens; a lock must not wait for a slow host. */
export async function stopAllUploads(): Promise<void> {
  const all = [...running.values()];
  for (const upload of all) upload.abort.abort(new Failure('jobs.interrupted', 'window locked'));
  await Promise.race([
    Promise.all(all.map((upload) => upload.ended)),
    new Promise((resolve) => setTimeout(resolve, all.length > 0 ? lockPatienceMs : 0)),
  ]);
}
