import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import { copyStudy } from './copyStudy.ts';
import { objectTime } from './objectTime.ts';
import type { ObjectUids } from './reportObjectUids.ts';

/** An image that an object points at, as the index of the archive knows it. */
export interface ReferencedImage {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly sopClassUid: string;
  /** 1-based; null for an instance with one frame, which has no frame number (PS3.3 table 10-3). */
  readonly frame: number | null;
}

/** What every object made here is made from. */
export interface ObjectOrigin {
  /** Header of an instance of the study that the object joins. */
  readonly study: JsonDataSet;
  readonly atMs: number;
  /** IANA name of the zone that this machine's clock shows. */
  readonly timeZone: string;
  readonly softwareVersion: string;
}

export interface ObjectFrame {
  readonly sopClassUid: string;
  readonly uids: ObjectUids;
  readonly modality: string;
  readonly seriesNumber: number;
  readonly seriesDescription: string;
}

export function texts(vr: string, ...Value: (string | number)[]): JsonAttribute {
  return { vr, Value };
}

export function items(...Value: JsonDataSet[]): JsonAttribute {
  return Value.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value };
}

/** A code sequence with one code (PS3.3 table 8.8-1). */
export function code([value, scheme, meaning]: readonly [
  value: string,
  scheme: string,
  meaning: string,
]): JsonAttribute {
  return items({ '00080100': texts('SH', value), '00080102': texts('SH', scheme), '00080104': texts('LO', meaning) });
}

/** SOP Instance Reference Macro (PS3.3 table 10-11), with the frame where the image has several. */
export function reference({ sopClassUid, sopUid, frame }: ReferencedImage, withFrame: boolean): JsonDataSet {
  return {
    '00081150': texts('UI', sopClassUid),
    '00081155': texts('UI', sopUid),
    ...(withFrame && frame !== null ? { '00081160': texts('IS', frame) } : {}),
  };
}

/** Each instance once, in order of appearance: an image may be marked in several frames. */
export function distinctInstances(images: readonly ReferencedImage[]): ReferencedImage[] {
  return [...new Map(images.map((image) => [image.sopUid, image])).values()];
}

/**
 * Patient, study, series, equipment and SOP common modules: what all objects of ours share. In UTF-8, whatever the
 * source was coded in.
 *
 * @throws Failure('imaging.identityDamaged')
 */
export function commonModules(origin: ObjectOrigin, frame: ObjectFrame): JsonDataSet {
  const { date, time, offset } = objectTime(origin.atMs, origin.study, origin.timeZone);
  return {
    ...copyStudy(origin.study),
    '00080005': texts('CS', 'ISO_IR 192'),
    '00080012': texts('DA', date),
    '00080013': texts('TM', time),
    '00080016': texts('UI', frame.sopClassUid),
    '00080018': texts('UI', frame.uids.sopUid),
    '00080021': texts('DA', date),
    '00080023': texts('DA', date),
    '00080031': texts('TM', time),
    '00080033': texts('TM', time),
    '00080060': texts('CS', frame.modality),
    '00080070': texts('LO', 'Salus'),
    '0008103E': texts('LO', frame.seriesDescription),
    '00081090': texts('LO', 'Salus'),
    '00181020': texts('LO', origin.softwareVersion),
    '0020000E': texts('UI', frame.uids.seriesUid),
    '00200011': texts('IS', frame.seriesNumber),
    '00200013': texts('IS', 1),
    ...(offset === null ? {} : { '00080201': texts('SH', offset) }),
  };
}

/** Text of ours that fits a VR: no control characters, no backslash, at most so many characters. */
export function fitted(text: string, most: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = text.replace(/[\x00-\x1f\x7f\\]+/g, ' ').trim();
  return [...plain].slice(0, most).join('').trim();
}
