import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import {
  code,
  commonModules,
  distinctInstances,
  fitted,
  items,
  type ObjectOrigin,
  type ReferencedImage,
  reference,
  texts,
} from './objectParts.ts';
import type { ObjectUids } from './reportObjectUids.ts';

export const keyObjectStorage = '1.2.840.10008.5.1.4.1.1.88.59';

/**
 * Titles of CID 7010 that Salus uses. Never 113001, 113037, 113038 or 113039: archives take those for an order to hide
 * or to delete what is pointed at.
 */
const titles = {
  ofInterest: { code: ['113000', 'DCM', 'Of Interest'], seriesNumber: 9900 },
  forReportAttachment: { code: ['113020', 'DCM', 'For Report Attachment'], seriesNumber: 9902 },
} as const;

const languages = {
  en: ['en', 'RFC5646', 'English'],
  fr: ['fr', 'RFC5646', 'French'],
} as const;

export interface KeyObjectInput extends ObjectOrigin {
  readonly uids: ObjectUids;
  readonly title: keyof typeof titles;
  readonly seriesDescription: string;
  readonly language: keyof typeof languages;
  /** Who chose the images, by full name. */
  readonly observer: string;
  /** In words; may be empty. */
  readonly description: string;
  /** At least one, all of one study. */
  readonly images: readonly ReferencedImage[];
}

/**
 * A Key Object Selection Document (PS3.3 A.35.4) after TID 2010.
 *
 * @throws Failure('imaging.identityDamaged')
 */
export function buildKeyObject(input: KeyObjectInput): JsonDataSet {
  const title = titles[input.title];
  const common = commonModules(input, {
    sopClassUid: keyObjectStorage,
    uids: input.uids,
    modality: 'KO',
    seriesNumber: title.seriesNumber,
    seriesDescription: input.seriesDescription,
  });
  return {
    ...common,
    // Type 2 of the series: no procedure step is known to have been performed for this.
    '00081111': items(),
    '0040A040': texts('CS', 'CONTAINER'),
    '0040A043': code(title.code),
    '0040A050': texts('CS', 'SEPARATE'),
    '0040A375': items(...evidence(input.images)),
    '0040A504': items({ '00080105': texts('CS', 'DCMR'), '0040DB00': texts('CS', '2010') }),
    '0040A730': items(
      contentItem('HAS CONCEPT MOD', 'CODE', ['121049', 'DCM', 'Language of Content Item and Descendants'], {
        '0040A168': code(languages[input.language]),
      }),
      ...observer(input.observer),
      ...(input.description === ''
        ? []
        : [
            contentItem('CONTAINS', 'TEXT', ['113012', 'DCM', 'Key Object Description'], {
              '0040A160': texts('UT', input.description),
            }),
          ]),
      ...input.images.map((image) => ({
        '0040A010': texts('CS', 'CONTAINS'),
        '0040A040': texts('CS', 'IMAGE'),
        '00081199': items(reference(image, true)),
      })),
    ),
  };
}

/** TID 1003: a person, by name. */
function observer(fullName: string): JsonDataSet[] {
  // A full name as it was typed in is not split into family and given name, which nobody knows; see PS3.5 6.2.1.
  const Alphabetic = fitted(fullName.replace(/[\^=]+/g, ' '), 64);
  return [
    contentItem('HAS OBS CONTEXT', 'CODE', ['121005', 'DCM', 'Observer Type'], {
      '0040A168': code(['121006', 'DCM', 'Person']),
    }),
    contentItem('HAS OBS CONTEXT', 'PNAME', ['121008', 'DCM', 'Person Observer Name'], {
      '0040A123': { vr: 'PN', Value: [{ Alphabetic }] },
    }),
  ];
}

function contentItem(
  relationship: string,
  valueType: string,
  concept: readonly [string, string, string],
  value: JsonDataSet,
): JsonDataSet {
  return {
    '0040A010': texts('CS', relationship),
    '0040A040': texts('CS', valueType),
    '0040A043': code(concept),
    ...value,
  };
}

/** Current Requested Procedure Evidence Sequence: every instance pointed at, once, by study and series (table C.17-3). */
function evidence(images: readonly ReferencedImage[]): JsonDataSet[] {
  const studies = Map.groupBy(distinctInstances(images), ({ studyUid }) => studyUid);
  return [...studies].map(([studyUid, ofStudy]) => ({
    '0020000D': texts('UI', studyUid),
    '00081115': items(
      ...[...Map.groupBy(ofStudy, ({ seriesUid }) => seriesUid)].map(([seriesUid, ofSeries]) => ({
        '0020000E': texts('UI', seriesUid),
        '00081199': items(...ofSeries.map((image) => reference(image, false))),
      })),
    ),
  }));
}
