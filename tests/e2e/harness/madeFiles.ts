import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type SyntheticOptions, syntheticInstances } from '../../../main/domains/imaging/samples/syntheticInstances.ts';

/** Writes small images under a folder. Gives the folder and the study UIDs. */
export function writeSmallImages(
  folder: string,
  options: SyntheticOptions,
): { folder: string; studyUids: Set<string>; files: string[] } {
  const studyUids = new Set<string>();
  const files: string[] = [];
  for (const { relativePath, bytes, studyUid } of syntheticInstances(options)) {
    const file = path.join(folder, relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    studyUids.add(studyUid);
    files.push(file);
  }
  return { folder, studyUids, files };
}

/**
 * Bytes of an object with one text in the place of another of the same length.
 *
 * @throws Error when the text is not in it or the lengths differ
 */
export function withText(bytes: Uint8Array, old: string, text: string): Uint8Array {
  const [from, to] = [Buffer.from(old), Buffer.from(text)];
  if (from.length !== to.length) throw new Error('a text takes the place of one as long');
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(from);
  if (at < 0) throw new Error(`${old} is not in the object`);
  to.copy(copy, at);
  return new Uint8Array(copy);
}
