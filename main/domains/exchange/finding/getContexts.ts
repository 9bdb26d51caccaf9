import type { ContextWish } from '../../../dicom/dimse/dimse.ts';

/** Retrieve of the study root model (PS3.4 C.6.2). */
export const retrieveModels = {
  get: '1.2.840.10008.5.1.4.1.2.2.3',
  move: '1.2.840.10008.5.1.4.1.2.2.2',
} as const;

const plainSyntaxes = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];
/** Compressed ones, the commonest first (PS3.5 section 10). */
const compressedSyntaxes = [
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.2.4.90',
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.80',
  '1.2.840.10008.1.2.5',
  '1.2.840.10008.1.2.4.91',
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.201',
  '1.2.840.10008.1.2.4.202',
  '1.2.840.10008.1.2.4.203',
  '1.2.840.10008.1.2.4.102',
  '1.2.840.10008.1.2.4.103',
  '1.2.840.10008.1.2.4.100',
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.2',
];

/** Storage classes that are proposed where a peer does not say which its objects are of (PS3.4 B.5). */
const commonClasses = [
  '1.2.840.10008.5.1.4.1.1.1',
  '1.2.840.10008.5.1.4.1.1.1.1',
  '1.2.840.10008.5.1.4.1.1.1.1.1',
  '1.2.840.10008.5.1.4.1.1.1.2',
  '1.2.840.10008.5.1.4.1.1.1.3',
  '1.2.840.10008.5.1.4.1.1.2',
  '1.2.840.10008.5.1.4.1.1.2.1',
  '1.2.840.10008.5.1.4.1.1.3.1',
  '1.2.840.10008.5.1.4.1.1.4',
  '1.2.840.10008.5.1.4.1.1.4.1',
  '1.2.840.10008.5.1.4.1.1.6.1',
  '1.2.840.10008.5.1.4.1.1.7',
  '1.2.840.10008.5.1.4.1.1.7.2',
  '1.2.840.10008.5.1.4.1.1.7.4',
  '1.2.840.10008.5.1.4.1.1.11.1',
  '1.2.840.10008.5.1.4.1.1.12.1',
  '1.2.840.10008.5.1.4.1.1.12.2',
  '1.2.840.10008.5.1.4.1.1.13.1.3',
  '1.2.840.10008.5.1.4.1.1.20',
  '1.2.840.10008.5.1.4.1.1.66.4',
  '1.2.840.10008.5.1.4.1.1.77.1.1',
  '1.2.840.10008.5.1.4.1.1.77.1.4',
  '1.2.840.10008.5.1.4.1.1.88.11',
  '1.2.840.10008.5.1.4.1.1.88.22',
  '1.2.840.10008.5.1.4.1.1.88.33',
  '1.2.840.10008.5.1.4.1.1.88.59',
  '1.2.840.10008.5.1.4.1.1.88.67',
  '1.2.840.10008.5.1.4.1.1.104.1',
  '1.2.840.10008.5.1.4.1.1.128',
  '1.2.840.10008.5.1.4.1.1.481.1',
  '1.2.840.10008.5.1.4.1.1.481.2',
  '1.2.840.10008.5.1.4.1.1.481.3',
  '1.2.840.10008.5.1.4.1.1.481.5',
];

/** PS3.8 9.3.2.2: ids are the odd numbers from 1 to 255. One is the retrieve model's own. */
const mostStorageContexts = 127;

/**
 * What is proposed for a C-GET: the model, and each class in the role of a store's SCP (PS3.7 D.3.3.4). A class has one
 * context for uncompressed objects and one for each compression, so that a peer can send what it has as it has it; with
 * many classes the rarer compressions are left out.
 *
 * @returns groups of at most 128 contexts: an association each
 */
export function getContexts(sopClassUids: readonly string[]): ContextWish[][] {
  const known = new Set(sopClassUids.filter((uid) => uid !== ''));
  if (sopClassUids.includes('') || known.size === 0) for (const uid of commonClasses) known.add(uid);
  const classes = [...known];
  const groups: ContextWish[][] = [];
  // Three for each at least: uncompressed and the two commonest compressions.
  const classesPerGroup = Math.floor(mostStorageContexts / 3);
  for (let at = 0; at < classes.length; at += classesPerGroup) {
    const some = classes.slice(at, at + classesPerGroup);
    const perClass = Math.floor(mostStorageContexts / some.length);
    groups.push([
      { abstractSyntax: retrieveModels.get, transferSyntaxes: plainSyntaxes },
      ...some.flatMap((abstractSyntax) => contextsOf(abstractSyntax, perClass)),
    ]);
  }
  return groups;
}

function contextsOf(abstractSyntax: string, most: number): ContextWish[] {
  const role = { scu: true, scp: true };
  const offers = [plainSyntaxes, ...compressedSyntaxes.map((syntax) => [syntax])];
  return offers.slice(0, most).map((transferSyntaxes) => ({ abstractSyntax, transferSyntaxes, role }));
}
