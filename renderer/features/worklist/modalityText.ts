/** Modalities that are read as pictures come first: a CT with its plan and its structures is a CT. */
const besideImages = new Set([
  'SR',
  'KO',
  'PR',
  'SEG',
  'RWV',
  'REG',
  'FID',
  'DOC',
  'AU',
  'RTSTRUCT',
  'RTPLAN',
  'RTDOSE',
  'RTRECORD',
  'PLAN',
]);
/** Characters that fit the column. */
const widest = 6;

/** A study's modalities for a narrow column: 'CT', 'CT SEG', 'CT +2'; '' when it has none. */
export function modalityText(modalities: readonly string[]): string {
  const ordered = modalities.toSorted((a, b) => Number(besideImages.has(a)) - Number(besideImages.has(b)));
  const all = ordered.join(' ');
  if (all.length <= widest || ordered.length < 2) return all;
  return `${ordered[0]} +${ordered.length - 1}`;
}
