import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { DimseError, type RequestedAssociation } from '../../../dicom/dimse/dimse.ts';
import { DatasetError } from '../../../dicom/prepareDataset.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';

import { failureOfStatus } from '../nodes/troubleFailures.ts';
import { uidIn } from './commitmentData.ts';
import { encodeIdentifier } from './plainIdentifier.ts';
import type { ProofEnd, SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, SendItem, TroubleNote } from './sendMessages.ts';

/** Study Root Query/Retrieve, FIND (PS3.4 C.6.2): the model that every archive has. */
export const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';

/** SOP class not supported, refused: not authorized to it by its class (PS3.7 annex C). Anything else may pass. */
const notOffered: ReadonlySet<number> = new Set([0x0118, 0x0122]);

/** What a peer may list beyond what we sent: it may hold more of the series. */
const mostMore = 20_000;

/**
 * Asks the peer which instances it has of each series, and compares one by one. The question never names an instance:
 * a peer that repeats what it is asked can't seem to have it. What the peer had before is not proven by its list, only
 * missed in it.
 */
export async function readBackByFind(
  order: AttemptOrder,
  ports: SenderPorts,
  association: RequestedAssociation,
): Promise<ProofEnd & { trouble: TroubleNote | null }> {
  let isAnswered = false;
  for (const seriesUid of await ports.ask<'sentSeries'>({ kind: 'sentSeries' })) {
    const items = await ports.ask<'sentOf'>({ kind: 'sentOf', seriesUid });
    const { found, status } = await findInstances(association, order.studyUid, seriesUid, items);
    const failure = failureOfStatus(status, 'find');
    if (failure) {
      if (isAnswered || !notOffered.has(status)) {
        return {
          proof: 'none',
          provenBy: isAnswered ? 'readBack' : null,
          trouble: { code: failure.code, details: failure.details },
        };
      }
      ports.learned('find', 'no');
      return { proof: 'impossible', provenBy: null, trouble: null };
    }
    isAnswered = true;
    for (const { position, sopUid, isDuplicate } of items) {
      if (!found.has(sopUid)) ports.result({ position, kind: 'missing', status: null });
      else if (!isDuplicate) ports.result({ position, kind: 'shown' });
    }
  }
  if (isAnswered) ports.learned('find', 'yes');
  return { proof: 'none', provenBy: 'readBack', trouble: null };
}

async function findInstances(
  association: RequestedAssociation,
  studyUid: string,
  seriesUid: string,
  items: readonly SendItem[],
): Promise<{ found: Set<string>; status: number }> {
  const keys: JsonDataSet = {
    '00080018': { vr: 'UI' },
    '00080052': { vr: 'CS', Value: ['IMAGE'] },
    '0020000D': { vr: 'UI', Value: [studyUid] },
    '0020000E': { vr: 'UI', Value: [seriesUid] },
  };
  const wanted = new Set(items.map(({ sopUid }) => sopUid));
  const found = new Set<string>();
  const matches = association.find(studyRootFind, (transferSyntaxUid) => encodeIdentifier(keys, transferSyntaxUid));
  let count = 0;
  for (;;) {
    const step = await matches.next();
    if (step.done) return { found, status: step.value.status };
    count += 1;
    if (count > items.length + mostMore) throw new DimseError('protocol', 'more matches than there can be', { count });
    const match = decodeMatch(step.value.dataset, step.value.transferSyntaxUid);
    if (!match || !isOf(match, '0020000D', studyUid) || !isOf(match, '0020000E', seriesUid)) continue;
    const sopUid = uidIn(match, '00080018');
    if (wanted.has(sopUid)) found.add(sopUid);
  }
}

/** What a match leaves out it does not contradict. */
function isOf(match: JsonDataSet, tag: string, uid: string): boolean {
  const said = uidIn(match, tag);
  return said === '' || said === uid;
}

function decodeMatch(dataset: Uint8Array, transferSyntaxUid: string): JsonDataSet | null {
  try {
    return decodeDataset(dataset, transferSyntaxUid);
  } catch (error) {
    // A match that can't be read shows nothing.
    if (error instanceof DatasetError) return null;
    throw error;
  }
}
