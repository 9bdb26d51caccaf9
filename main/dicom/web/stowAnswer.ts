import type { JsonDataSet } from '../dicomJson.ts';
import type { StowObject, StowOutcome } from './dicomweb.ts';
import { integerIn, itemsIn, textIn, toJsonDataSet } from './jsonDataSets.ts';
import { parseMediaType } from './mediaType.ts';
import { readNativeXml } from './nativeXml.ts';
import { parseStrictJson } from './strictJson.ts';
import { type WebAnswer, WebError } from './webPeer.ts';

/** Of a Store Instances Response, bytes: some hundred bytes for each of a hundred objects are usual. */
const longestAnswer = 16 * 1024 * 1024;

/**
 * Reads what a peer says of the objects of one request (Store Instances Response, PS3.18 annex I). Only an object that
 * the answer names counts; the HTTP status alone says nothing of any.
 * @throws WebError('refused') for a 409 that is no such response, WebError('protocol') for what cannot be read
 */
export async function readStowAnswer(answer: WebAnswer, sent: readonly StowObject[]): Promise<StowOutcome[]> {
  const type = parseMediaType(answer.headers['content-type'] ?? '');
  const isJson = type?.type === 'application/dicom+json' || type?.type === 'application/json';
  const isXml = type?.type === 'application/dicom+xml' || type?.type === 'application/xml' || type?.type === 'text/xml';
  const bytes = await answer.bytes(longestAnswer);
  if (answer.status === 409 && (bytes.length === 0 || !(isJson || isXml))) {
    throw new WebError('refused', 'the peer refused the objects', { status: 409 });
  }
  let response: JsonDataSet = {};
  if (bytes.length > 0) {
    if (!isJson && !isXml) {
      throw new WebError('protocol', 'the answer is no store response', {
        reason: 'contentType',
        status: answer.status,
      });
    }
    const json = isJson ? parseStrictJson(bytes, type?.parameters.get('charset') ?? '') : readNativeXml(bytes);
    // Some peers put the one data set into a list.
    response = toJsonDataSet(Array.isArray(json) && json.length === 1 ? json[0] : json);
  }
  const referenced = byInstance(itemsIn(response, '00081199'));
  const failed = byInstance(itemsIn(response, '00081198'));
  return sent.map((object): StowOutcome => {
    const { sopInstanceUid } = object;
    const about = { sopInstanceUid, httpStatus: answer.status };
    const success = matching(referenced, object);
    const failure = failed.get(sopInstanceUid);
    if (failure) {
      const outcome = referenced.has(sopInstanceUid) ? 'unknown' : 'failed';
      return { ...about, outcome, reason: integerIn(failure, '00081197') };
    }
    if (!success) return { ...about, outcome: 'unknown', reason: null };
    const warning = integerIn(success, '00081196');
    // Whatever the reason looks like, one was given.
    const isWarned = (success['00081196']?.Value?.length ?? 0) > 0;
    return { ...about, outcome: isWarned ? 'warned' : 'stored', reason: warning };
  });
}

function byInstance(items: readonly JsonDataSet[]): Map<string, JsonDataSet> {
  return new Map(items.map((item) => [uidIn(item, '00081155'), item]));
}

/** The item that names this object; none where it names it as one of another class. */
function matching(items: ReadonlyMap<string, JsonDataSet>, object: StowObject): JsonDataSet | undefined {
  const item = items.get(object.sopInstanceUid);
  const classUid = item ? uidIn(item, '00081150') : '';
  return classUid === '' || classUid === object.sopClassUid ? item : undefined;
}

const uidIn = (dataset: JsonDataSet, tag: string) => textIn(dataset, tag).replace(/\0+$/, '');
