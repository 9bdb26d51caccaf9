/** What an address under /dicomweb/ asks for (PS3.18 sections 10.4 and 10.6). */
export type DicomwebAddress =
  | {
      readonly kind: 'search';
      readonly level: 'study' | 'series' | 'instance';
      readonly studyUid?: string;
      readonly seriesUid?: string;
    }
  | { readonly kind: 'retrieve' | 'metadata' | 'rendered' | 'thumbnail'; readonly scope: AddressScope }
  | { readonly kind: 'frames' | 'pixelData'; readonly scope: AddressScope };

export interface AddressScope {
  readonly studyUid: string;
  readonly seriesUid?: string;
  readonly sopUid?: string;
  /** 1-based; only where the address lists frames. */
  readonly frames?: readonly number[];
}

const uid = '([0-9.]{1,64})';
const scopePattern = new RegExp(
  `^/dicomweb/studies/${uid}(?:/series/${uid}(?:/instances/${uid}(?:/frames/([0-9,]{1,4000}))?)?)?(/[a-z]+)?(/7FE00010)?$`,
);
const searchPatterns: readonly [RegExp, 'study' | 'series' | 'instance'][] = [
  [/^\/dicomweb\/studies$/, 'study'],
  [new RegExp(`^/dicomweb/studies/${uid}/series$`), 'series'],
  [/^\/dicomweb\/series$/, 'series'],
  [new RegExp(`^/dicomweb/studies/${uid}/series/${uid}/instances$`), 'instance'],
  [new RegExp(`^/dicomweb/studies/${uid}/instances$`), 'instance'],
  [/^\/dicomweb\/instances$/, 'instance'],
];

/** Reads an address; null when nothing lies there. */
export function parseDicomwebAddress(pathname: string): DicomwebAddress | null {
  for (const [pattern, level] of searchPatterns) {
    const match = pattern.exec(pathname);
    if (!match) continue;
    return {
      kind: 'search',
      level,
      ...(match[1] === undefined ? {} : { studyUid: match[1] }),
      ...(match[2] === undefined ? {} : { seriesUid: match[2] }),
    };
  }
  const match = scopePattern.exec(pathname);
  if (!match) return null;
  const [, studyUid, seriesUid, sopUid, frameList, ending, bulk] = match;
  if (studyUid === undefined) return null;
  const frames = frameList?.split(',').map(Number);
  if (frames?.some((frame) => !Number.isInteger(frame) || frame < 1)) return null;
  const scope: AddressScope = {
    studyUid,
    ...(seriesUid === undefined ? {} : { seriesUid }),
    ...(sopUid === undefined ? {} : { sopUid }),
    ...(frames === undefined ? {} : { frames }),
  };
  if (bulk !== undefined)
    return ending === '/bulkdata' && sopUid !== undefined && !frames ? { kind: 'pixelData', scope } : null;
  switch (ending) {
    case undefined:
      return { kind: frames ? 'frames' : 'retrieve', scope };
    case '/metadata':
      return frames ? null : { kind: 'metadata', scope };
    case '/rendered':
    case '/thumbnail':
      return { kind: ending === '/rendered' ? 'rendered' : 'thumbnail', scope };
    default:
      return null;
  }
}

/** One thing a client accepts: its media type, and the parameters that matter here. */
export interface AcceptedType {
  readonly mediaType: string;
  /** `type` of a multipart media type. */
  readonly type: string;
  readonly transferSyntax: string;
}

/** Reads an Accept header, most wanted first (PS3.18 section 8.7.5); an absent one accepts anything. */
export function parseAccept(header: string | null): AcceptedType[] {
  if (header === null || header.trim() === '') return [{ mediaType: '*/*', type: '', transferSyntax: '' }];
  return splitOutsideQuotes(header, ',')
    .map((entry, index) => {
      const [mediaType = '', ...parameters] = splitOutsideQuotes(entry, ';').map((part) => part.trim());
      const values = new Map(
        parameters.map((parameter) => {
          const at = parameter.indexOf('=');
          return [
            parameter.slice(0, at).trim().toLowerCase(),
            parameter
              .slice(at + 1)
              .trim()
              .replace(/^"|"$/g, ''),
          ] as const;
        }),
      );
      const quality = Number(values.get('q') ?? '1');
      return {
        index,
        quality: Number.isFinite(quality) ? quality : 1,
        accepted: {
          mediaType: mediaType.toLowerCase(),
          type: (values.get('type') ?? '').toLowerCase(),
          transferSyntax: values.get('transfer-syntax') ?? '',
        },
      };
    })
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality || left.index - right.index)
    .map(({ accepted }) => accepted);
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '"') quoted = !quoted;
    else if (text[index] === separator && !quoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
