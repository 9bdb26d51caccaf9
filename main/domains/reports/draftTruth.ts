import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { keyImageText, measurementText } from '../../../app/domains/reports/reportRules.ts';
import type { Report, ReportInline, ReportSection } from '../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';

/** Most key images a report prints. */
const mostKeyImages = 24;

const chipsOf = (sections: readonly ReportSection[]): Exclude<ReportInline, { kind: 'text' }>[] =>
  sections.flatMap(({ paragraphs }) =>
    paragraphs.flatMap(({ content }) => content.filter((inline) => inline.kind !== 'text')),
  );

const nameOf = (chip: Exclude<ReportInline, { kind: 'text' }>): string =>
  chip.kind === 'measurement'
    ? `${chip.annotationId}/${chip.annotationVersion} ${chip.text}`
    : `${chip.sopUid}/${chip.frame} ${chip.text}`;

/**
 * Refuses sections that the host did not make and numbers that nobody measured, whatever a window sends: title, order
 * and `required` are the draft's own (they came from the template, of the version it was begun with), and the text of a
 * measurement is what this program says of the version it names. A chip that the draft has already stays as it is, also
 * when it has become stale or an older program put it in other words: then the checks before the signature speak.
 *
 * @param find one version of an annotation of the draft's study
 * @throws Failure('reports.sectionsDiffer' | 'reports.chipUntrue')
 */
export function refuseUntrue(
  draft: Report,
  sections: readonly ReportSection[],
  find: (annotationId: string, version: number) => Annotation | undefined,
): void {
  const sameSections =
    sections.length === draft.sections.length &&
    sections.every(({ key, title, required }, index) => {
      const own = draft.sections[index];
      return own?.key === key && own.title === title && own.required === required;
    });
  if (!sameSections) throw new Failure('reports.sectionsDiffer', 'the sections are not those of the draft');
  const known = new Set(chipsOf(draft.sections).map(nameOf));
  for (const chip of chipsOf(sections)) {
    if (known.has(nameOf(chip))) continue;
    if (!isTrue(chip, draft, find)) throw new Failure('reports.chipUntrue', 'a chip says what its source does not');
  }
}

function isTrue(
  chip: Exclude<ReportInline, { kind: 'text' }>,
  draft: Report,
  find: (annotationId: string, version: number) => Annotation | undefined,
): boolean {
  if (chip.kind === 'keyImage') {
    // Which number is right is known when the report is checked: images may be taken out and put in while it is written.
    return Array.from({ length: mostKeyImages }, (_, index) => keyImageText(index + 1)).includes(chip.text);
  }
  const annotation = find(chip.annotationId, chip.annotationVersion);
  return annotation !== undefined && measurementText(annotation, draft.language) === chip.text;
}
