import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { encodePart10 } from '../../../dicom/writeDataset.ts';
import { buildPdfObject } from './encapsulatedPdf.ts';
import { buildKeyObject } from './keyObjects.ts';
import { type ObjectOrigin, type ReferencedImage, texts } from './objectParts.ts';
import { markedImagesUids, type ReportIdentity, reportObjectUids } from './reportObjectUids.ts';

type Language = 'en' | 'fr';

/** A signed report, as its objects are made from it. */
export interface ReportToBuild extends ObjectOrigin, ReportIdentity {
  readonly kind: 'report';
  readonly studyUid: string;
  readonly language: Language;
  readonly title: string;
  readonly isAddendum: boolean;
  /** Full name of who signed. */
  readonly signer: string;
  readonly pdf: Uint8Array;
  readonly images: readonly (ReferencedImage & { readonly caption: string })[];
}

/** The marked key images of a study. */
export interface MarksToBuild extends ObjectOrigin {
  readonly kind: 'marks';
  readonly siteId: string;
  readonly studyUid: string;
  readonly language: Language;
  /** At least one; `markedBy` is a full name, `atMs` of the object is when the last one was marked. */
  readonly images: readonly (ReferencedImage & { readonly markedBy: string })[];
}

export interface BuiltObject {
  readonly sopUid: string;
  readonly dataset: JsonDataSet;
  /** The whole file, explicit VR little endian. */
  readonly bytes: Uint8Array;
}

const words = {
  en: {
    report: 'Signed report',
    addendum: 'Addendum',
    keyImages: 'Key images of the report',
    colon: ': ',
    marked: 'Marked images',
  },
  fr: {
    report: 'Compte rendu signé',
    addendum: 'Addendum',
    keyImages: 'Images clés du compte rendu',
    colon: '\u202f: ',
    marked: 'Images marquées',
  },
} as const;

const explicitLittleEndian = '1.2.840.10008.1.2.1';

/**
 * The DICOM objects of a signed report (its PDF, and a selection of its key images where it has some) or of a study's
 * marked images. The same input gives the same bytes. Loads dcmjs: for worker threads and tests.
 *
 * @throws Failure('imaging.identityDamaged' | 'imaging.patientDiffers')
 */
export function buildObjects(input: ReportToBuild | MarksToBuild): BuiltObject[] {
  requireStudy(input);
  return (input.kind === 'report' ? reportObjects(input) : markObjects(input)).map((dataset) => ({
    sopUid: String(dataset['00080018']?.Value?.[0]),
    dataset,
    bytes: encodePart10({ dataset, transferSyntaxUid: explicitLittleEndian }),
  }));
}

/** Whatever went wrong before: an object never carries one study's people and points at another study. */
function requireStudy({ study, studyUid, images }: ReportToBuild | MarksToBuild): void {
  const named = [study['0020000D']?.Value?.[0], ...images.map((image) => image.studyUid)];
  if (named.some((one) => one !== studyUid)) {
    throw new Failure('imaging.patientDiffers', 'what the object is made from belongs to different studies');
  }
}

function reportObjects(input: ReportToBuild): JsonDataSet[] {
  const said = words[input.language];
  const title = input.isAddendum ? `${said.addendum}${said.colon}${input.title}` : input.title;
  const document = buildPdfObject({
    ...input,
    uids: reportObjectUids(input, 'document'),
    title,
    seriesDescription: said.report,
  });
  if (input.images.length === 0) return [document];
  const captions = input.images.flatMap(({ caption }, index) => (caption === '' ? [] : [`${index + 1}. ${caption}`]));
  const selection = buildKeyObject({
    ...input,
    uids: reportObjectUids(input, 'keyImages'),
    title: 'forReportAttachment',
    seriesDescription: said.keyImages,
    observer: input.signer,
    description: [`${said.keyImages}${said.colon}${title}`, ...captions].join('\n'),
  });
  return [document, selection];
}

/** One selection for each person: a document has one observer, and says what that one chose. */
function markObjects(input: MarksToBuild): JsonDataSet[] {
  const people = [...Map.groupBy(input.images, ({ markedBy }) => markedBy)];
  return people.map(([markedBy, images], index) => {
    // An image unmarked and marked again is another decision, of another moment.
    const named = [
      markedBy,
      String(input.atMs),
      ...images.map(({ sopUid, frame }) => `${sopUid}#${frame ?? 1}`).sort(),
    ];
    return {
      ...buildKeyObject({
        ...input,
        images,
        uids: markedImagesUids(input.siteId, input.studyUid, named),
        title: 'ofInterest',
        seriesDescription: words[input.language].marked,
        observer: markedBy,
        description: '',
      }),
      '00200013': texts('IS', index + 1),
    };
  });
}
