import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import type { DicomwebClient, ObjectDigest, ReadBack } from '../../../dicom/web/dicomweb.ts';
import { digestObject } from '../../../dicom/web/objectDigest.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import { uidIn } from './commitmentData.ts';
import { asPart10, type ReadyObject } from './objectSource.ts';
import type { ProofEnd, SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, SendItem } from './sendMessages.ts';

/** What a peer may list beyond what we sent: it may hold more of the series. */
const mostMore = 20_000;
/** Objects of a series that were transcoded and are read back; their first stands for the rest beyond. */
const mostTranscoded = 20;

/**
 * Reads back what waits for its proof: the peer's list of each series is compared instance by instance, and some of the
 * objects themselves are fetched and compared: the first of each series, the very last, those that were transcoded, and
 * each that the peer had before. Nothing of a series is proven before those agreed. A peer that lists an object which it
 * does not have, or has otherwise, is not believed: of it each object is fetched.
 */
export async function proveWeb(order: AttemptOrder, ports: SenderPorts, client: DicomwebClient): Promise<ProofEnd> {
  const seriesUids = await ports.ask<'sentSeries'>({ kind: 'sentSeries' });
  if (seriesUids.length === 0) return { proof: 'none', provenBy: null };
  // There is no storage commitment over DICOMweb that peers agree on.
  if (!order.readsBack) return { proof: 'impossible', provenBy: null };
  const reading: Reading = { order, ports, client };
  let isBelieved = true;
  for (const seriesUid of seriesUids) {
    const items = await ports.ask<'sentOf'>({ kind: 'sentOf', seriesUid });
    const listed = await listInstances(order.studyUid, seriesUid, items, ports, client);
    if (listed === null) return { proof: 'impossible', provenBy: null };
    const there = items.filter(({ sopUid }) => listed.has(sopUid));
    const fetched = new Map<SendItem, Likeness>();
    for (const item of samplesOf(there, seriesUid === seriesUids.at(-1))) {
      const likeness = await fetchAndCompare(reading, item);
      fetched.set(item, likeness);
      if (likeness === 'other') isBelieved = false;
    }
    for (const item of there) {
      if (isBelieved || fetched.has(item)) continue;
      fetched.set(item, await fetchAndCompare(reading, item));
    }
    for (const item of items) {
      const { position, sopUid } = item;
      const likeness = listed.has(sopUid) ? (fetched.get(item) ?? 'unseen') : 'other';
      if (likeness === 'other') ports.result({ position, kind: 'missing', status: null });
      else if (likeness === 'same' || !item.isDuplicate) ports.result({ position, kind: 'shown' });
    }
  }
  return { proof: 'none', provenBy: 'readBack' };
}

/** `unseen`: not fetched, or not to be compared; it stands for itself only in a list that is believed. */
export type Likeness = 'same' | 'other' | 'unseen';

interface Reading {
  readonly order: AttemptOrder;
  readonly ports: SenderPorts;
  readonly client: DicomwebClient;
}

/** What is not listed is missing anyhow; only what is listed can be a lie. */
function samplesOf(there: readonly SendItem[], isLast: boolean): Set<SendItem> {
  const ends = [there[0], isLast ? there.at(-1) : undefined].filter((item) => item !== undefined);
  const transcoded = there.filter(({ transcodedTo }) => transcodedTo).slice(0, mostTranscoded);
  return new Set([...ends, ...transcoded, ...there.filter(({ isDuplicate }) => isDuplicate)]);
}

/**
 * Instances that the peer says it has of a series; null when it answers no such question.
 *
 * @throws Failure('exchange.incomplete') when the peer keeps a part of its list back: what is not in it may be there
 */
async function listInstances(
  studyUid: string,
  seriesUid: string,
  items: readonly SendItem[],
  ports: SenderPorts,
  client: DicomwebClient,
): Promise<Set<string> | null> {
  const { signal } = ports;
  const found = new Set<string>();
  let isCut = false;
  try {
    const search = { level: 'instances' as const, studyUid, seriesUid, atMost: items.length + mostMore, signal };
    const matches = client.search(search);
    let step = await matches.next();
    for (; !step.done; step = await matches.next()) addMatch(found, step.value, studyUid, seriesUid);
    ports.learned('qido', 'yes');
    isCut = !step.value.complete && !items.every(({ sopUid }) => found.has(sopUid));
    if (!isCut) return found;
  } catch (error) {
    if (!(error instanceof WebError) || !isNotOffered(error)) throw error;
  }
  try {
    const headers = await client.metadata({ studyUid, seriesUid }, signal);
    for (const header of headers) addMatch(found, header, studyUid, seriesUid);
    return found;
  } catch (error) {
    if (!(error instanceof WebError) || !isNotOffered(error)) throw error;
  }
  if (isCut) throw new Failure('exchange.incomplete', 'the list of a series is not whole');
  // Neither list of the series: it is not there, if the peer can be searched at all.
  const isSearched = await isAnswered(client, signal);
  ports.learned('qido', isSearched ? 'yes' : 'no');
  return isSearched ? found : null;
}

/** Not found, not allowed in this way, not implemented: another way may do. */
function isNotOffered({ trouble, details }: WebError): boolean {
  return trouble === 'notFound' || trouble === 'refused' || (trouble === 'serverError' && details['status'] === 501);
}

async function isAnswered(client: DicomwebClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.probe(signal);
    return true;
  } catch (error) {
    if (error instanceof WebError && isNotOffered(error)) return false;
    throw error;
  }
}

function addMatch(found: Set<string>, match: JsonDataSet, studyUid: string, seriesUid: string): void {
  const study = uidIn(match, '0020000D');
  const series = uidIn(match, '0020000E');
  if ((study === '' || study === studyUid) && (series === '' || series === seriesUid))
    found.add(uidIn(match, '00080018'));
}

/** Fetches an object and compares it with what was sent. */
async function fetchAndCompare({ order, ports, client }: Reading, item: SendItem): Promise<Likeness> {
  const { studyUid } = order;
  let there: ReadBack;
  try {
    there = await client.readBack({ studyUid, seriesUid: item.seriesUid, instanceUid: item.sopUid }, ports.signal);
  } catch (error) {
    if (!(error instanceof WebError)) throw error;
    // Listed, and not to be had: whatever it is, it is no object that arrived.
    if (error.trouble === 'notFound' || error.trouble === 'protocol') return 'other';
    if (!isNotOffered(error)) throw error;
    ports.learned('wado', 'no');
    return 'unseen';
  }
  ports.learned('wado', 'yes');
  const here = await digestObject(asPart10(item, await sentForm(item, ports)).open());
  return likenessOf(here, there, studyUid, item);
}

/** The object in the coding in which it was sent. */
export async function sentForm(item: SendItem, ports: SenderPorts): Promise<ReadyObject> {
  const { transcodedTo } = item;
  const native = transcodedTo === null ? null : await ports.objects.native(item, transcodedTo);
  return native ?? ports.objects.read(item);
}

/** Peers may correct a patient's name or recompress: the pixels are compared where their coding is the same. */
export function likenessOf(here: ObjectDigest, there: ObjectDigest, studyUid: string, item: SendItem): Likeness {
  if (there.sopInstanceUid !== item.sopUid || there.sopClassUid !== here.sopClassUid) return 'other';
  if (there.studyUid !== studyUid || there.seriesUid !== item.seriesUid) return 'other';
  if (there.rows !== here.rows || there.columns !== here.columns) return 'other';
  if (there.contentSha256 !== here.contentSha256) return 'other';
  if (there.transferSyntaxUid !== here.transferSyntaxUid) return here.pixelsSha256 === null ? 'same' : 'unseen';
  return there.pixelsSha256 === here.pixelsSha256 ? 'same' : 'other';
}
