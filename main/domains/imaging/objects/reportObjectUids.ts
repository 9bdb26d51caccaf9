import { createHash } from 'node:crypto';

/** `document`: the PDF. `keyImages`: the key object selection that points at the images of the report. */
export type ReportObjectKind = 'document' | 'keyImages';

/** A signed report, by what its objects are named after. */
export interface ReportIdentity {
  readonly siteId: string;
  readonly reportId: string;
  /** The signed version. */
  readonly version: number;
}

export interface ObjectUids {
  readonly seriesUid: string;
  readonly sopUid: string;
}

/** The same report gives the same UIDs for ever: an object built or sent twice is a duplicate, never a second one. */
export function reportObjectUids({ siteId, reportId, version }: ReportIdentity, kind: ReportObjectKind): ObjectUids {
  return {
    seriesUid: uidOf('series', kind, siteId, reportId),
    sopUid: uidOf('instance', kind, siteId, reportId, version),
  };
}

/** UIDs of the selection of a study's marked key images; other images marked make another object. */
export function markedImagesUids(siteId: string, studyUid: string, marked: readonly string[]): ObjectUids {
  return {
    seriesUid: uidOf('series', 'marked', siteId, studyUid),
    sopUid: uidOf('instance', 'marked', siteId, studyUid, ...marked),
  };
}

/** A UUID-derived UID (PS3.5 B.2) from SHA-256: version 8 of RFC 9562, which leaves the other bits to whoever makes it. */
function uidOf(...named: (string | number)[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['salus', ...named]), 'utf8')
    .digest('hex');
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}a${digest.slice(17, 32)}`;
  return `2.25.${BigInt(`0x${hex}`)}`;
}
