import type { Language } from '../../../../app/domains/security/securitySchema.ts';

/** Words printed on a report, in its own language (which may differ from the window's). */
const words = {
  en: {
    draft: 'DRAFT – NOT SIGNED',
    patient: 'Patient',
    identifier: 'Identifier',
    birthDate: 'Date of birth',
    sex: 'Sex',
    study: 'Study',
    studyDate: 'Study date',
    accession: 'Accession number',
    referrer: 'Referring physician',
    modality: 'Modality',
    keyImages: 'Key images',
    keyImage: 'Image',
    addendumTo: 'Addendum to the report signed by {name} on {date}',
    signed: 'Signed electronically by {name} on {date}',
    author: 'Prepared by {name}',
    notDevice: 'Made with Salus, which is not a certified medical device',
    page: 'Page {page} of {pages}',
    document: 'Document',
    report: 'Report',
    version: 'version {version}',
    unknown: 'not given',
    sexes: { F: 'Female', M: 'Male', O: 'Other', '': 'not given' },
  },
  fr: {
    draft: 'BROUILLON – NON SIGNÉ',
    patient: 'Patient',
    identifier: 'Identifiant',
    birthDate: 'Date de naissance',
    sex: 'Sexe',
    study: 'Examen',
    studyDate: 'Date de l’examen',
    accession: 'Numéro d’accession',
    referrer: 'Médecin demandeur',
    modality: 'Modalité',
    keyImages: 'Images clés',
    keyImage: 'Image',
    addendumTo: 'Addendum au compte rendu signé par {name} le {date}',
    signed: 'Signé électroniquement par {name} le {date}',
    author: 'Rédigé par {name}',
    notDevice: 'Établi avec Salus, qui n’est pas un dispositif médical certifié',
    page: 'Page {page} sur {pages}',
    document: 'Document',
    report: 'Compte rendu',
    version: 'version {version}',
    unknown: 'non précisé',
    sexes: { F: 'Féminin', M: 'Masculin', O: 'Autre', '': 'non précisé' },
  },
} as const;

export type PdfWords = (typeof words)[Language];

export function pdfWords(language: Language): PdfWords {
  return words[language];
}

export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_match, key: string) => String(values[key] ?? ''));
}

/** A day as the window writes it: '05/04/2026' in French, '05 Apr 2026' in English, where 05/04 would be misread. */
function dayText(at: Date, language: Language, timeZone: string): string {
  const style = { day: '2-digit', month: language === 'fr' ? '2-digit' : 'short', year: 'numeric', timeZone } as const;
  return new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', style).format(at);
}

/** A moment with its offset from UTC, so that it cannot be misread elsewhere: '20/11/2026 14:03:22 UTC+01:00'. */
export function momentText(atMs: number, language: Language, timeZone: string): string {
  const parts = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  }).formatToParts(new Date(atMs));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.find((part) => part.type === type)?.value ?? '';
  const offset = of('timeZoneName').replace('GMT', 'UTC');
  const day = dayText(new Date(atMs), language, timeZone);
  return `${day} ${of('hour')}:${of('minute')}:${of('second')} ${offset}`;
}

/** DICOM DA text (PS3.5 6.2) as a day of the calendar; text that is none is printed as received. */
export function dicomDateText(date: string, language: Language, unknown: string): string {
  if (date === '') return unknown;
  const match = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date);
  if (match === null) return date;
  const at = new Date(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`);
  return Number.isNaN(at.getTime()) || at.getUTCDate() !== Number(match[3]) ? date : dayText(at, language, 'UTC');
}

/** DICOM TM text as hours and minutes, or empty. */
export function dicomTimeText(time: string): string {
  const match = /^(\d{2}):?(\d{2})/.exec(time);
  return match === null ? '' : `${match[1]}:${match[2]}`;
}
