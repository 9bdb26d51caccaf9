import { makeChestCt } from './chestCtStudy.ts';
import { makeChestRadiograph } from './chestRadiographStudy.ts';
import { makeHeadMr } from './headMrStudy.ts';
import { makeMammogram } from './mammogramStudy.ts';
import type { SampleFile } from './sampleModules.ts';
import { chestCtTruth, priorChestCtTruth, type SampleName, sampleNames } from './samplesTruth.ts';
import { makeUltrasound } from './ultrasoundStudy.ts';

export type { SampleFile } from './sampleModules.ts';

/** Which sample studies to make. */
export interface SampleOptions {
  /** All of them unless said. */
  readonly only?: readonly SampleName[];
  /** Slices of the chest CT, 2–200 over the same 300 mm; 120 unless said. Another count is another study (new UIDs). */
  readonly chestSlices?: number;
}

/**
 * Makes the sample studies file by file: deterministic, synchronous, at most one study's pixels in memory. A caller on
 * a thread that must not stall runs it in a worker. Paths are `<study>/<series>/<instance>.dcm`.
 *
 * @throws RangeError for a slice count out of range.
 */
export function* makeSampleStudies(options: SampleOptions = {}): Generator<SampleFile> {
  for (const name of options.only ?? sampleNames) yield* makeSampleStudy(name, options);
}

/** How many files {@link makeSampleStudies} will make, for progress. */
export function countSampleFiles(options: SampleOptions = {}): number {
  const files: Readonly<Record<SampleName, number>> = {
    'chest-ct': chestCtTruth(options.chestSlices).geometry.slices,
    'chest-ct-prior': priorChestCtTruth().geometry.slices,
    'head-mr': 80,
    'chest-radiograph': 2,
    mammogram: 4,
    ultrasound: 1,
  };
  return (options.only ?? sampleNames).reduce((sum, name) => sum + files[name], 0);
}

function makeSampleStudy(name: SampleName, options: SampleOptions): Generator<SampleFile> {
  switch (name) {
    case 'chest-ct':
      return makeChestCt(chestCtTruth(options.chestSlices));
    case 'chest-ct-prior':
      return makeChestCt(priorChestCtTruth());
    case 'head-mr':
      return makeHeadMr();
    case 'chest-radiograph':
      return makeChestRadiograph();
    case 'mammogram':
      return makeMammogram();
    case 'ultrasound':
      return makeUltrasound();
  }
}
