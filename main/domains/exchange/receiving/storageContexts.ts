/** Which classes of objects, in which transfer syntaxes, are taken from others. */

const verification = '1.2.840.10008.1.1';
const storageCommitment = '1.2.840.10008.1.20.1';
const worklist = '1.2.840.10008.5.1.4.31';

const explicitLittleEndian = '1.2.840.10008.1.2.1';
const implicitLittleEndian = '1.2.840.10008.1.2';
const plain: readonly string[] = [explicitLittleEndian, implicitLittleEndian];

/**
 * In our order of preference, where one context offers several: what needs no decoding, then lossless, then what may be
 * lossy. An object is kept as it comes, also in a syntax that nothing here can draw.
 */
const storage: readonly string[] = [
  ...plain,
  '1.2.840.10008.1.2.5', // RLE
  '1.2.840.10008.1.2.4.80', // JPEG-LS lossless
  '1.2.840.10008.1.2.4.90', // JPEG 2000 lossless
  '1.2.840.10008.1.2.4.201', // HTJ2K lossless
  '1.2.840.10008.1.2.4.202',
  '1.2.840.10008.1.2.4.70', // JPEG lossless, first-order prediction
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.1.2.4.110', // JPEG XL lossless
  '1.2.840.10008.1.2.8.1', // deflated frames
  '1.2.840.10008.1.2.1.98', // encapsulated, uncompressed
  '1.2.840.10008.1.2.1.99', // deflated data set
  '1.2.840.10008.1.2.2', // explicit big endian
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.91',
  '1.2.840.10008.1.2.4.203',
  '1.2.840.10008.1.2.4.112',
  '1.2.840.10008.1.2.4.111',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.53',
  '1.2.840.10008.1.2.4.55',
  '1.2.840.10008.1.2.4.92', // JPEG 2000 multi-component
  '1.2.840.10008.1.2.4.93',
  // MPEG-2, MPEG-4 and HEVC, whole and in fragments
  ...[
    '100',
    '100.1',
    '101',
    '101.1',
    '102',
    '102.1',
    '103',
    '103.1',
    '104',
    '104.1',
    '105',
    '105.1',
    '106',
    '106.1',
  ].map((ending) => `1.2.840.10008.1.2.4.${ending}`),
  '1.2.840.10008.1.2.4.107',
  '1.2.840.10008.1.2.4.108',
];

/**
 * Transfer syntaxes taken for a class; empty refuses it. Storage classes are those of PS3.4 B.5 (below
 * 1.2.840.10008.5.1.4.1.1), radiotherapy's (5.1.4.34.7 and .10), and private ones, which are for nothing else that is
 * proposed to a receiver.
 */
export function syntaxesTaken(abstractSyntax: string): readonly string[] {
  if ([verification, storageCommitment, worklist].includes(abstractSyntax)) return plain;
  const isStorage =
    abstractSyntax.startsWith('1.2.840.10008.5.1.4.1.1.') ||
    /^1\.2\.840\.10008\.5\.1\.4\.34\.(7|10)$/.test(abstractSyntax) ||
    !abstractSyntax.startsWith('1.2.840.10008.');
  return isStorage ? storage : [];
}
