import type { Annotation, KeyImage, Series, Study } from '../imaging/imagingSchema.ts';
import { formatMeasurement, formatValue } from '../imaging/measurementRules.ts';
import type { Language } from '../security/securitySchema.ts';
import type { Report, ReportCheck, ReportParagraph, ReportSection, ReportTemplate } from './reportSchema.ts';

/**
 * Orders templates by how well they fit a study: modality and body part, then modality alone, then the general one,
 * then those for another body part, then the rest. A general template names no modality. A study that does not say
 * its body part gets the general one: a template for the wrong organ is worse than none. Ties keep the given order.
 */
export function rankTemplates(
  templates: readonly ReportTemplate[],
  study: { readonly modalities: readonly string[]; readonly bodyParts: readonly string[] },
): ReportTemplate[] {
  const score = (template: ReportTemplate): number => {
    if (template.modalities.length === 0) return 1;
    if (!template.modalities.some((modality) => study.modalities.includes(modality))) return 0;
    if (template.bodyParts.length === 0) return 2;
    return template.bodyParts.some((part) => study.bodyParts.includes(part.toUpperCase())) ? 3 : 0.5;
  };
  return templates
    .map((template, index) => ({ template, index, score: score(template) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map((entry) => entry.template);
}

/** The sections a new draft starts from, in the language asked for. A prompt ends in a space, ready to be written after. */
export function sectionsFromTemplate(template: ReportTemplate, language: Language): ReportSection[] {
  return template.sections.map((section) => ({
    key: section.key,
    title: section.title[language],
    required: section.required,
    paragraphs: section.text[language].map((text) => ({
      content: text === '' ? [] : [{ kind: 'text' as const, text: text.endsWith(':') ? `${text} ` : text }],
    })),
  }));
}

/** The sections of an addendum: one, empty, that must be filled. */
export function addendumSections(): ReportSection[] {
  return [{ key: 'addendum', title: 'Addendum', required: true, paragraphs: [] }];
}

/**
 * True for a paragraph that says nothing yet: blank, or only a template's prompt such as 'Pleura:'. An unanswered
 * prompt is not printed, so that a heading nobody wrote under never reads as 'nothing found'.
 */
export function isParagraphBlank(paragraph: ReportParagraph): boolean {
  if (paragraph.content.some((inline) => inline.kind !== 'text')) return false;
  const text = paragraph.content
    .map((inline) => inline.text)
    .join('')
    .trim();
  return text === '' || (text.length <= 60 && /^[^.!?]*:$/u.test(text));
}

export function isSectionEmpty(section: ReportSection): boolean {
  return section.paragraphs.every(isParagraphBlank);
}

/** The words of a section as plain text, one line a paragraph. */
export function plainText(section: ReportSection): string {
  return section.paragraphs
    .map((paragraph) => (paragraph.list === true ? '• ' : '') + paragraph.content.map((inline) => inline.text).join(''))
    .join('\n');
}

/** Words that name a side, per language, matched as whole words without accents or case. */
const sideWords: Readonly<Record<'left' | 'right', RegExp>> = {
  left: /(^|[^a-z])(left|gauche|gauches)($|[^a-z])/,
  right: /(^|[^a-z])(right|droit|droite|droits|droites)($|[^a-z])/,
};

function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/**
 * What stands between a draft and its signature. A blocking check is one after which the document would be wrong or
 * incomplete in law; the others are shown and left to the person.
 *
 * @param annotations newest version of each annotation of the study, archived ones included
 * @param lateralities Laterality (0020,0060) or Image Laterality (0020,0062) of the study's series: 'L', 'R', 'B' or ''
 */
export function checkReport(input: {
  readonly report: Report;
  readonly study: Study;
  readonly series: readonly Series[];
  readonly annotations: readonly Annotation[];
  readonly availableSopUids: ReadonlySet<string>;
}): ReportCheck[] {
  const { report, study } = input;
  const checks: ReportCheck[] = [];
  if (report.patientId !== study.patientId || report.studyUid !== study.studyUid) {
    checks.push({ code: 'patientDiffers', blocking: true, sectionKey: null, detail: '' });
  }
  if (study.identityConflict) checks.push({ code: 'studyConflict', blocking: true, sectionKey: null, detail: '' });
  if (study.arriving || study.isSenderAborted)
    checks.push({ code: 'studyIncomplete', blocking: false, sectionKey: null, detail: '' });
  const newest = new Map(input.annotations.map((annotation) => [annotation.annotationId, annotation]));
  const lateralities = new Set(
    input.series.map((series) => series.laterality).filter((side) => side === 'L' || side === 'R'),
  );
  const onlySide = lateralities.size === 1 ? [...lateralities][0] : undefined;
  for (const section of report.sections) {
    if (section.required && isSectionEmpty(section)) {
      checks.push({ code: 'sectionEmpty', blocking: true, sectionKey: section.key, detail: section.title });
    }
    for (const inline of section.paragraphs.flatMap((paragraph) => paragraph.content)) {
      if (inline.kind === 'measurement') {
        const annotation = newest.get(inline.annotationId);
        if (annotation === undefined || annotation.archived) {
          checks.push({ code: 'measurementMissing', blocking: true, sectionKey: section.key, detail: inline.text });
        } else if (annotation.version !== inline.annotationVersion) {
          checks.push({ code: 'measurementStale', blocking: true, sectionKey: section.key, detail: inline.text });
        }
      } else if (inline.kind === 'keyImage') {
        const index = report.keyImages.findIndex(
          ({ sopUid, frame }) => sopUid === inline.sopUid && frame === inline.frame,
        );
        if (!input.availableSopUids.has(inline.sopUid))
          checks.push({ code: 'keyImageMissing', blocking: true, sectionKey: section.key, detail: inline.text });
        else if (keyImageText(index + 1) !== inline.text)
          checks.push({ code: 'keyImageRenumbered', blocking: true, sectionKey: section.key, detail: inline.text });
      }
    }
    if (onlySide !== undefined) {
      const words = fold(plainText(section));
      const other = onlySide === 'L' ? 'right' : 'left';
      if (sideWords[other].test(words)) {
        checks.push({ code: 'lateralityDiffers', blocking: false, sectionKey: section.key, detail: onlySide });
      }
    }
  }
  for (const keyImage of report.keyImages) {
    if (!input.availableSopUids.has(keyImage.sopUid)) {
      checks.push({ code: 'keyImageMissing', blocking: true, sectionKey: null, detail: keyImage.caption });
    }
  }
  return checks;
}

/**
 * The text of a measurement chip, e.g. '12,4 mm', '64,0°', '35.2 ± 12.0 HU', and '(at detector)' where the millimetres
 * are not the patient's. Each number as it stands on the picture.
 */
export function measurementText(annotation: Pick<Annotation, 'measurements'>, language: Language): string {
  const { measurements } = annotation;
  const of = (wanted: string) => measurements.find(({ kind }) => kind === wanted);
  const parts = measurements
    .filter(({ kind }) => ['length', 'width', 'angle', 'area', 'value'].includes(kind))
    .map((measurement) => formatMeasurement(measurement, language, ''));
  const mean = of('mean');
  const deviation = of('standardDeviation');
  if (mean && deviation)
    parts.push(`${formatValue(mean, language)}\u00a0±\u00a0${formatMeasurement(deviation, language, '')}`);
  else if (mean) parts.push(formatMeasurement(mean, language, ''));
  const text = parts.join(of('width') ? ' × ' : ', ');
  if (!measurements.some(({ calibration }) => calibration === 'detector')) return text;
  return `${text} ${language === 'fr' ? '(au détecteur)' : '(at detector)'}`;
}

/** What the text says of a key image: its number among those printed below, from 1. The same word in both languages. */
export function keyImageText(number: number): string {
  return `image ${number}`;
}

/** Key images of the study as a new draft takes them over. */
export function draftKeyImages(keyImages: readonly KeyImage[]): Report['keyImages'] {
  return keyImages
    .slice(0, 24)
    .map(({ seriesUid, sopUid, frame, window }) => ({ seriesUid, sopUid, frame, window, caption: '' }));
}
