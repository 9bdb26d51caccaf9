/** Reads the headers of files as an import's worker does, without archiving anything. */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { type ExaminedObject, examineObject } from '../../main/domains/imaging/import/examineObject.ts';

export interface ReadHeaders {
  readonly objects: (ExaminedObject & { readonly bytes: number })[];
}

parentPort?.on('message', (files: readonly string[]) => {
  const objects = files.map((file) => {
    const bytes = readFileSync(file);
    return { ...examineObject(bytes), bytes: bytes.length };
  });
  parentPort?.postMessage({ objects } satisfies ReadHeaders);
});
