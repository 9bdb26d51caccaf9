import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeSampleStudies } from '../../main/domains/imaging/samples/makeSampleStudies.ts';
import { rewriteUids } from '../../main/domains/imaging/samples/rewriteUids.ts';

const phantom = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'dicom-samples', 'ct-phantom');
const copies = 10;

export interface CtCopies {
  readonly folder: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Whether it is the real phantom, or the generated one where that isn't there. */
  readonly source: 'CT phantom' | 'generated chest CT';
}

/** The CT study ten times under ten sets of UIDs, in the temporary folder; made once and kept between runs. */
export function ctCopies(): CtCopies {
  const source = existsSync(phantom) ? 'CT phantom' : 'generated chest CT';
  const folder = path.join(os.tmpdir(), `salus-bench-ct-${source === 'CT phantom' ? 'phantom' : 'chest'}-${copies}`);
  if (!existsSync(folder)) {
    const making = `${folder}.${process.pid}`;
    rmSync(making, { recursive: true, force: true });
    const originals = source === 'CT phantom' ? readPhantom() : readGenerated();
    for (let copy = 0; copy < copies; copy += 1) {
      mkdirSync(path.join(making, String(copy)), { recursive: true });
      for (const { name, bytes } of originals) {
        writeFileSync(path.join(making, String(copy), name), rewriteUids(bytes, `bench-${copy}`));
      }
    }
    renameSync(making, folder);
  }
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return { folder, files, bytes, source };
}

interface Original {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function readPhantom(): Original[] {
  return readdirSync(phantom).map((name) => ({ name, bytes: readFileSync(path.join(phantom, name)) }));
}

function readGenerated(): Original[] {
  return [...makeSampleStudies({ only: ['chest-ct'], chestSlices: 200 })].map(({ relativePath, bytes }) => ({
    name: path.basename(relativePath),
    bytes,
  }));
}
