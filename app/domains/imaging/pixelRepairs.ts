/**
 * What the decoder puts right in an object whose header or stream contradicts itself, so that it can be shown. Each has
 * its sentence in the imaging texts (`fidelity.note.repaired`): a picture that was read otherwise than it is written
 * says so.
 */
export const pixelRepairs = [
  'photometricMissing',
  'samplesMissing',
  'bitsStored',
  'highBit',
  'numberOfFrames',
  'signMissing',
  'offsetTable',
  'streamBitsStored',
  'streamColourSpace',
  'streamSign',
  'endMarkMissing',
] as const;

export type PixelRepair = (typeof pixelRepairs)[number];

/** Header of a frame's part (PS3.18 section 8.6.1.2 allows further ones): the repairs, between commas. */
export const repairsHeader = 'Salus-Repaired';

/** The repairs named in that header; words that this version does not know are left out. */
export function repairsOf(text: string): PixelRepair[] {
  const named = text.split(',').map((word) => word.trim());
  return pixelRepairs.filter((repair) => named.includes(repair));
}
