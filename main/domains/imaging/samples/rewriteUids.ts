import { createHash } from 'node:crypto';
import dicomParser from 'dicom-parser';

/** UIDs that name an object or a place; class, syntax and root UIDs stay as they are. */
const identifyingTags = new Set([
  'x00020003', // Media Storage SOP Instance UID
  'x00080018', // SOP Instance UID
  'x00081155', // Referenced SOP Instance UID
  'x0020000d', // Study Instance UID
  'x0020000e', // Series Instance UID
  'x00200052', // Frame of Reference UID
  'x00200200', // Synchronization Frame of Reference UID
  'x30060024', // Referenced Frame of Reference UID
]);

/**
 * A copy of a DICOM object under other UIDs, for tests that need the same study many times. The new UIDs depend on the
 * old ones and the seed alone, so that objects which refer to each other still do; they have the same length as the
 * old ones and nothing else moves. Looks at everything before the pixel data, sequences included.
 *
 * @throws RangeError for a deflated object, whose data set cannot be changed in place.
 */
export function rewriteUids(bytes: Uint8Array, seed: string): Uint8Array {
  const copy = new Uint8Array(bytes);
  const dataset = dicomParser.parseDicom(copy, { untilTag: 'x7fe00010' });
  if (dataset.string('x00020010') === '1.2.840.10008.1.2.1.99')
    throw new RangeError('a deflated object has no place to write to');
  rewriteDataset(copy, dataset, seed);
  return copy;
}

/**
 * The UID that {@link rewriteUids} puts in the place of another.
 *
 * @throws RangeError where it has no digit to change.
 */
export function rewrittenUid(uid: string, seed: string): string {
  const digest = createHash('sha512').update(`${seed}\n${uid}`).digest();
  const components = uid.split('.');
  const digits = (component: string, index: number): string => {
    // The root, single digits and leading digits stay: no leading zero appears and the prefix still tells whose it is.
    if (index < 2 || component.length < 2) return component;
    const start = uid.length - component.length;
    return [...component]
      .map((old, i) => (i === 0 ? old : String(digest[(start + i * 3 + index * 11) % 64]! % 10)))
      .join('');
  };
  const renewed = capUuid(components.map(digits).join('.'));
  if (renewed === uid) throw new RangeError('a UID of single digits cannot be rewritten in its own length');
  return renewed;
}

/** A UID under 2.25 must stay below 2¹²⁸: the second digit is lowered where the first allows too much. */
function capUuid(uid: string): string {
  if (!uid.startsWith('2.25.') || BigInt(uid.slice(5)) < 2n ** 128n) return uid;
  return `${uid.slice(0, 6)}0${uid.slice(7)}`;
}

function rewriteDataset(bytes: Uint8Array, dataset: dicomParser.DataSet, seed: string): void {
  for (const [tag, element] of Object.entries(dataset.elements)) {
    for (const item of element.items ?? []) {
      if (item.dataSet) rewriteDataset(bytes, item.dataSet, seed);
    }
    if (!identifyingTags.has(tag)) continue;
    const old = dataset.string(tag);
    if (!old) continue;
    const renewed = old
      .split('\\')
      .map((uid) => rewrittenUid(uid, seed))
      .join('\\');
    for (let i = 0; i < renewed.length; i++) bytes[element.dataOffset + i] = renewed.charCodeAt(i);
  }
}
