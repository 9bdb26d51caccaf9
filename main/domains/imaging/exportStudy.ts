import { existsSync } from 'node:fs';
import { mkdir, open, readdir, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../../../app/shared/failure.ts';
import type { JobHandle } from '../../background/jobs.ts';
import type { OpenStore } from '../../core.ts';
import type { ObjectReaders } from './reading/objectReaders.ts';

export interface ExportInput {
  readonly studyUid: string;
  readonly directory: string;
}

/**
 * Writes the original bytes of a study's instances to a folder, one file each, named by number alone: a file name must
 * not tell whose it is. The folder may be new or empty; nothing in it is ever overwritten. Every file is read back.
 * A study whose instances name two people is exported too: that is how it gets to who can sort it out.
 *
 * @throws Failure('imaging.studyUnknown' | 'imaging.exportFailed' | 'imaging.diskFull')
 */
export async function exportStudy(
  store: OpenStore,
  readers: ObjectReaders,
  input: ExportInput,
  job: JobHandle,
): Promise<void> {
  const rows = store.reader.all<{ object_name: string; bytes: number }>(
    `SELECT i.object_name, i.bytes FROM study st JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row
     WHERE st.study_uid = ? ORDER BY s.series_number, s.series_row, i.instance_number, i.instance_row`,
    input.studyUid,
  );
  if (rows.length === 0) throw new Failure('imaging.studyUnknown', 'no such study');
  const bytesTotal = rows.reduce((sum, row) => sum + row.bytes, 0);
  const directory = resolve(input.directory);
  await prepareFolder(directory, bytesTotal);
  const digits = Math.max(4, String(rows.length).length);
  let done = 0;
  let bytesDone = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < rows.length && !job.signal.aborted; index = next++) {
      const row = rows[index] as { object_name: string; bytes: number };
      const path = join(directory, `${String(index + 1).padStart(digits, '0')}.dcm`);
      await readers.read({ type: 'export', objectName: row.object_name, path }).catch((error: unknown) => {
        throw asExportFailure(error);
      });
      done += 1;
      bytesDone += row.bytes;
      job.report({ done, total: rows.length, bytesDone, bytesTotal, counts: { exported: done } });
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  await syncFolder(directory);
}

async function prepareFolder(directory: string, bytes: number): Promise<void> {
  try {
    await makeFolder(directory);
    if ((await readdir(directory)).length > 0) throw new Failure('imaging.exportFailed', 'the folder is not empty');
    const space = await statfs(directory);
    if (space.bavail * space.bsize < bytes) throw new Failure('imaging.diskFull', 'not enough space for the export');
  } catch (error) {
    throw asExportFailure(error);
  }
}

/** Makes a folder and those above it. Node's own recursive mkdir never returns where a file system refuses new folders with ENOENT. */
async function makeFolder(directory: string): Promise<void> {
  const make = () => mkdir(directory, { mode: 0o700 });
  try {
    await make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    const parent = dirname(directory);
    if (code !== 'ENOENT' || parent === directory || existsSync(parent)) throw error;
    await makeFolder(parent);
    await make();
  }
}

async function syncFolder(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Failures of the archive keep their code; the operating system's become the export's. */
function asExportFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const text = error instanceof Error ? `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}` : '';
  return /ENOSPC|EDQUOT/.test(text)
    ? new Failure('imaging.diskFull', 'no space left')
    : new Failure('imaging.exportFailed', 'the folder cannot be written');
}
