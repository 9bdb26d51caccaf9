import { wholeImageCalibration } from '../../app/domains/imaging/calibrationRules.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import type { Fidelity } from './viewState.ts';

export type FidelityFacts = Pick<LoadedFrame, 'attributes' | 'repaired'>;

/**
 * What was done to a picture, or is not known of it.
 *
 * @param tableDeviation how far it is drawn from its VOI table, 0 to 1
 */
export function fidelityOf(frame: FidelityFacts, areNumbersTrusted: boolean, tableDeviation: number): Fidelity {
  const { attributes, repaired } = frame;
  const notes: { key: string; detail: string }[] = [];
  const isLossy = attributes.lossy;
  if (isLossy) notes.push({ key: 'lossy', detail: attributes.lossyDetail });
  for (const repair of repaired) notes.push({ key: `repaired.${repair}`, detail: '' });
  // One grey of 255 is what any screen may round away.
  if (tableDeviation > 1 / 255) notes.push({ key: 'tableReduced', detail: String(Math.ceil(tableDeviation * 100)) });
  if (attributes.frames > 1 && !attributes.plane && attributes.directions)
    notes.push({ key: 'noFramePosition', detail: '' });
  if (attributes.bitsStored > 16) notes.push({ key: 'reducedDepth', detail: String(attributes.bitsStored) });
  const whole = wholeImageCalibration(attributes);
  const isUltrasound = attributes.ultrasoundRegions.length > 0;
  if (whole.kind === 'detector') notes.push({ key: 'atDetector', detail: '' });
  if (whole.kind === 'none' && !isUltrasound)
    notes.push({ key: `uncalibrated.${whole.reason ?? 'noSpacing'}`, detail: '' });
  if (isUltrasound) notes.push({ key: 'ultrasoundRegions', detail: String(attributes.ultrasoundRegions.length) });
  if (!areNumbersTrusted) notes.push({ key: 'selfTestFailed', detail: '' });
  const isUncalibrated = !areNumbersTrusted || (whole.kind === 'none' && !isUltrasound);
  const levels = levelsOf([isLossy && 'lossy', repaired.length > 0 && 'repaired', isUncalibrated && 'uncalibrated']);
  return { levels, notes };
}

/** What holds for a volume: a slice that was compressed with loss or put right marks every plane through it. */
export function volumeFidelity(slices: readonly FidelityFacts[], areNumbersTrusted: boolean): Fidelity {
  const all = slices.map((slice) => fidelityOf(slice, areNumbersTrusted, 0));
  const notes = new Map(all.flatMap((each) => each.notes.map((note) => [`${note.key} ${note.detail}`, note])));
  const held = new Set(all.flatMap((each) => each.levels));
  const states = ['lossy', 'repaired', 'uncalibrated'] as const;
  return { levels: levelsOf(states.map((level) => held.has(level) && level)), notes: [...notes.values()] };
}

/** Each state that holds; 'lossless' only where there is none. */
function levelsOf(states: readonly (Fidelity['levels'][number] | false)[]): Fidelity['levels'] {
  const held = states.filter((each) => each !== false);
  return held.length > 0 ? held : ['lossless'];
}
