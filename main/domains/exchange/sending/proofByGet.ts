import { DimseError, type IncomingObject } from '../../../dicom/dimse/dimse.ts';
import { openAssociation } from '../../../dicom/dimse/openAssociation.ts';
import { digestObject } from '../../../dicom/web/objectDigest.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import { makeRetrieveKeys } from '../finding/findKeys.ts';
import { getContexts, retrieveModels } from '../finding/getContexts.ts';
import { associationWishOf } from '../nodes/nodeConnections.ts';
import { asPart10 } from './objectSource.ts';
import { encodeIdentifier } from './plainIdentifier.ts';
import { likenessOf, sentForm } from './proofByWeb.ts';
import type { SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, SendItem } from './sendMessages.ts';

/** Instances named in one request. */
const itemsPerRequest = 100;

/**
 * Fetches by C-GET (PS3.4 C.4.3) what the peer answered that it had before, and compares it with what was sent: of a UID
 * that was there already neither a list nor a promise says that it is the same object, but its content does. So what was
 * sent before our line broke, and is there, is proven. A peer that knows no C-GET, or breaks off, shows nothing.
 *
 * @returns whether something was shown to be there
 */
export async function compareByGet(order: AttemptOrder, ports: SenderPorts): Promise<boolean> {
  let isShown = false;
  if (!order.getsBack) return isShown;
  for (const seriesUid of await ports.ask<'sentSeries'>({ kind: 'sentSeries' })) {
    const items = (await ports.ask<'sentOf'>({ kind: 'sentOf', seriesUid })).filter(({ isDuplicate }) => isDuplicate);
    for (let at = 0; at < items.length; at += itemsPerRequest) {
      const some = items.slice(at, at + itemsPerRequest);
      const { shown, isCut } = await fetchSome(order, ports, seriesUid, some);
      isShown ||= shown > 0;
      if (isCut) return isShown;
    }
  }
  return isShown;
}

/** How many were shown, also where the peer then broke off. Cut: it does not do it, or not now. */
async function fetchSome(
  { known, ownAe, times, studyUid }: AttemptOrder,
  ports: SenderPorts,
  seriesUid: string,
  items: readonly SendItem[],
): Promise<{ readonly shown: number; readonly isCut: boolean }> {
  const { signal } = ports;
  const wanted = new Map(items.map((item) => [item.sopUid, item]));
  const keys = makeRetrieveKeys({ studyUid, seriesUid, sopUids: [...wanted.keys()] });
  let shown = 0;
  const take = async (object: IncomingObject) => {
    const item = wanted.get(object.sopInstanceUid);
    // Data set does not match what was asked for.
    if (!item) return { status: 0xa900 };
    wanted.delete(item.sopUid);
    if (!(await isSame(ports, studyUid, item, object))) return { status: 0 };
    ports.result({ position: item.position, kind: 'shown' });
    shown += 1;
    return { status: 0 };
  };
  try {
    for (const contexts of getContexts(items.map(({ sopClassUid }) => sopClassUid))) {
      const wish = associationWishOf(known, { ownAe, contexts, times: times.dimse ?? {}, signal });
      const association = await openAssociation(wish);
      try {
        if (!association.contexts.some(({ abstractSyntax }) => abstractSyntax === retrieveModels.get)) {
          ports.learned('get', 'no');
          return { shown, isCut: true };
        }
        await association.get(retrieveModels.get, (syntax) => encodeIdentifier(keys, syntax), take);
      } finally {
        await association.release();
      }
    }
    return { shown, isCut: false };
  } catch (error) {
    // The delivery is none the worse for it: what was not shown rests as it was.
    if (!(error instanceof DimseError) || error.trouble === 'cancelled') throw error;
    return { shown, isCut: true };
  }
}

async function isSame(ports: SenderPorts, studyUid: string, item: SendItem, object: IncomingObject): Promise<boolean> {
  const { transferSyntaxUid, dataset } = object;
  const came = { transferSyntaxUid, byteLength: 0, open: () => dataset };
  try {
    const there = await digestObject(asPart10(item, came).open());
    const here = await digestObject(asPart10(item, await sentForm(item, ports)).open());
    return likenessOf(here, there, studyUid, item) === 'same';
  } catch (error) {
    // What came is no whole object.
    if (error instanceof WebError) return false;
    throw error;
  }
}
