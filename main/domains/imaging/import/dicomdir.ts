import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { Failure } from '../../../../app/shared/failure.ts';
import { itemsOf, openElements, textsOf } from '../../../dicom/elementValues.ts';
import { readHeader } from '../../../dicom/part10.ts';
import { importLimits } from './importLimits.ts';

/** Where one record of a media directory points: a file of the medium, or why it can't be followed. */
export type DirectoryReference =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'refused';
      readonly path: string;
      readonly reason: 'imaging.dicomdirOutside' | 'imaging.dicomdirMissingFile';
    };

/** True for the name of a media directory (PS3.10 section 8.6), whatever the case of the medium's names. */
export function isDicomdirName(name: string): boolean {
  return name.toUpperCase() === 'DICOMDIR';
}

/**
 * Follows the Referenced File IDs (0004,1500) of a DICOMDIR. Only files below the directory's own folder are given;
 * a reference that leads out, by '..', by an absolute component or through a link, is refused.
 *
 * @throws Failure('imaging.pathUnreadable' | 'imaging.tooLarge' | 'imaging.emptyFile' | 'imaging.notDicom' | 'imaging.truncated')
 */
export function readDicomdir(path: string): DirectoryReference[] {
  const bytes = readSmallFile(path);
  const header = readHeader(bytes);
  if (header === null || header.ending === 'malformed') throw new Failure('imaging.notDicom', 'no media directory');
  if (header.ending === 'cut') throw new Failure('imaging.truncated', 'the media directory is cut short');
  const root = realpathSync(dirname(path));
  const reader = openElements(header.bytes, header.elements, header.littleEndian);
  const references: DirectoryReference[] = [];
  const seen = new Set<string>();
  for (const record of itemsOf(reader, 'x00041220')) {
    const components = textsOf(record, 'x00041500');
    if (components.length === 0) continue;
    const key = components.join('\\');
    if (seen.has(key)) continue;
    seen.add(key);
    references.push(resolveReference(root, dirname(path), components));
  }
  return references;
}

function resolveReference(root: string, folder: string, components: readonly string[]): DirectoryReference {
  const shown = join(folder, ...components.map((component) => component.replaceAll('\0', '')));
  const outside = {
    kind: 'refused',
    path: `${folder}${sep}DICOMDIR: ${components.join('\\')}`,
    reason: 'imaging.dicomdirOutside',
  } as const;
  for (const component of components) {
    if (component === '' || component === '.' || component === '..' || /[/\\:\0]/.test(component)) return outside;
  }
  // Media are mounted with names in upper or lower case, with or without the version suffix of ISO 9660.
  for (const variant of [
    components,
    components.map((name) => name.toLowerCase()),
    components.map((name) => name.toUpperCase()),
  ]) {
    const candidate = join(folder, ...variant);
    if (!statSync(candidate, { throwIfNoEntry: false })?.isFile()) continue;
    return realpathSync(candidate).startsWith(root + sep) ? { kind: 'file', path: candidate } : outside;
  }
  return { kind: 'refused', path: shown, reason: 'imaging.dicomdirMissingFile' };
}

function readSmallFile(path: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    throw new Failure('imaging.pathUnreadable', 'the media directory cannot be opened');
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) throw new Failure('imaging.emptyFile', 'the file is empty');
    if (size > importLimits.dicomdirBytes) throw new Failure('imaging.tooLarge', 'the media directory is too large');
    const bytes = Buffer.alloc(size);
    let done = 0;
    while (done < size) {
      const read = readSync(descriptor, bytes, done, size - done, done);
      if (read === 0) break;
      done += read;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(descriptor);
  }
}
