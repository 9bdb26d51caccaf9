import type { FindQuery } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import { openElements, textOf } from '../../../dicom/elementValues.ts';
import { GrowingBytes } from '../../../dicom/growingBytes.ts';
import { readHeader } from '../../../dicom/part10.ts';
import { isWildcardMatch } from '../../../dicom/web/looserMatch.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import {
  openXnatClient,
  type XnatClient,
  type XnatFile,
  type XnatScan,
  type XnatSession,
} from '../../../dicom/web/xnatClient.ts';
import { isOriginal } from '../../../dicom/web/xnatRows.ts';
import type { ListedInstance, XnatPeer } from './finderMessages.ts';
import { isUid } from './foundRows.ts';
import type { Answers, Learn } from './peerAnswers.ts';

/**
 * Asks an XNAT. It has no query of DICOM's: the sessions of the node's project are listed, and compared here with what
 * is asked for. Which instances there are only the files themselves tell.
 */
export async function* askXnat(peer: XnatPeer, query: FindQuery, signal: AbortSignal, learn: Learn): Answers {
  const client = openXnatClient(peer.web);
  try {
    const sessions = await imageSessions(client, peer.projectId, signal);
    learn('xnat', 'yes');
    const meant = sessions.filter((session) => isMeant(session, query));
    if (query.level === 'PATIENT' || query.level === 'STUDY') {
      for (const session of meant) yield studyOf(session);
      return true;
    }
    for (const session of meant) {
      yield* query.level === 'SERIES'
        ? seriesIn(client, session, signal)
        : imagesIn(client, session, query.seriesUid, signal);
    }
    return true;
  } finally {
    await client.close();
  }
}

async function* seriesIn(client: XnatClient, session: XnatSession, signal: AbortSignal): AsyncGenerator<JsonDataSet> {
  for (const scan of await client.scans(session.experimentId, signal)) {
    if (isUid(scan.seriesUid)) yield seriesOf(session, scan);
  }
}

async function* imagesIn(
  client: XnatClient,
  session: XnatSession,
  seriesUid: string,
  signal: AbortSignal,
): AsyncGenerator<JsonDataSet> {
  for await (const { sopUid, sopClassUid } of instancesOf(client, session, [seriesUid], signal)) {
    yield datasetOf({ '0020000E': seriesUid, '00080018': sopUid, '00080016': sopClassUid });
  }
}

/**
 * Every instance of a study, or of some of its series (none named: of all), with the file that holds it.
 *
 * @throws WebError('protocol') where a list has a hole: a file that is no object, a session that lists no files
 */
export async function* listXnat(
  peer: XnatPeer,
  wanted: { readonly studyUid: string; readonly seriesUids: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<ListedInstance> {
  const client = openXnatClient(peer.web);
  try {
    for (const session of await imageSessions(client, peer.projectId, signal)) {
      if (session.studyUid === wanted.studyUid) yield* instancesOf(client, session, wanted.seriesUids, signal);
    }
  } finally {
    await client.close();
  }
}

async function imageSessions(client: XnatClient, projectId: string, signal: AbortSignal): Promise<XnatSession[]> {
  const sessions = await client.sessions(projectId, signal);
  const known = sessions.filter(({ studyUid }) => isUid(studyUid));
  // One that does not give the column would look like one that has nothing.
  if (sessions.length > 0 && sessions.every(({ studyUid }) => studyUid === ''))
    throw new WebError('protocol', 'the list names no study', { reason: 'shape' });
  return known;
}

function isMeant(session: XnatSession, query: FindQuery): boolean {
  const { studyUid, studyDateFrom, studyDateTo, level } = query;
  if (studyUid !== '' && session.studyUid !== studyUid) return false;
  if (level === 'SERIES' || level === 'IMAGE') return true;
  const date = dateOf(session);
  if (studyDateFrom !== '' && (date === '' || date < studyDateFrom)) return false;
  if (studyDateTo !== '' && (date === '' || date > studyDateTo)) return false;
  const { modality } = query;
  if (modality !== '' && !modalitiesOf(session).includes(modality.trim().toUpperCase())) return false;
  const asked: readonly (readonly [string, readonly string[]])[] = [
    [query.patientName, [session.patientName, session.subjectLabel]],
    [query.patientId, [session.patientId, session.subjectLabel]],
    [query.accessionNumber, [session.accessionNumber]],
    [query.studyDescription, [session.label]],
  ];
  return asked.every(([wish, texts]) => wish.trim() === '' || texts.some((each) => isWildcardMatch(wish.trim(), each)));
}

/** Where XNAT kept no name or number of the objects, its subject's label stands for them: it is all there is to go by. */
function studyOf(session: XnatSession): JsonDataSet {
  const dataset = datasetOf({
    '0020000D': session.studyUid,
    '00080020': dateOf(session),
    '00080030': session.time.replace(/[^\d.]/g, ''),
    '00080050': session.accessionNumber,
    '00081030': session.label,
    '00100020': session.patientId || session.subjectLabel,
  });
  dataset['00100010'] = { vr: 'PN', Value: [{ Alphabetic: session.patientName || session.subjectLabel }] };
  dataset['00080061'] = { vr: 'CS', Value: modalitiesOf(session) };
  return dataset;
}

function seriesOf(session: XnatSession, scan: XnatScan): JsonDataSet {
  return datasetOf({
    '0020000D': session.studyUid,
    '0020000E': scan.seriesUid,
    '00080060': scan.modality || (modalityOfType(scan.xsiType)[0] ?? ''),
    '0008103E': scan.seriesDescription || scan.type,
    '00200011': /^\d{1,12}$/.test(scan.scanId) ? scan.scanId : '',
  });
}

function datasetOf(values: Readonly<Record<string, string>>): JsonDataSet {
  const filled = Object.entries(values).filter(([, value]) => value !== '');
  return Object.fromEntries(filled.map(([tag, value]): [string, JsonAttribute] => [tag, { vr: 'LO', Value: [value] }]));
}

function dateOf({ date }: XnatSession): string {
  const match = /^(\d{4})-?(\d\d)-?(\d\d)/.exec(date);
  return match ? match.slice(1).join('') : '';
}

function modalitiesOf({ modality, xsiType }: XnatSession): string[] {
  const said = modality.toUpperCase().split(/[^A-Z]+/);
  const codes = said.filter((code) => code !== '');
  return codes.length > 0 ? codes : modalityOfType(xsiType);
}

/** `xnat:petmrSessionData` is two of DICOM's. */
function modalityOfType(xsiType: string): string[] {
  const word = /^xnat:([A-Za-z]+?)(?:Session|Scan)Data$/.exec(xsiType)?.[1]?.toLowerCase() ?? '';
  if (word === 'pet') return ['PT'];
  if (word === 'petmr') return ['PT', 'MR'];
  return word.length === 2 ? [word.toUpperCase()] : [];
}

/** @param seriesUids only these; none: all */
async function* instancesOf(
  client: XnatClient,
  session: XnatSession,
  seriesUids: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<ListedInstance> {
  const scans = await client.scans(session.experimentId, signal);
  const seriesOfScan = new Map(scans.map(({ scanId, seriesUid }) => [scanId, seriesUid]));
  const files = (await client.files(session.experimentId, signal)).filter(isOriginal);
  if (scans.length > 0 && files.length === 0)
    throw new WebError('protocol', 'the session has scans and lists no files', { reason: 'noFiles' });
  for (const file of files) {
    const seriesUid = seriesOfScan.get(file.scanId) ?? '';
    if (seriesUids.length > 0 && seriesUid !== '' && !seriesUids.includes(seriesUid)) continue;
    const facts = await readFacts(client, file, signal);
    if (facts.studyUid !== session.studyUid) continue;
    if (seriesUids.length > 0 && !seriesUids.includes(facts.seriesUid)) continue;
    yield { ...facts, file };
  }
}

/** How much of a file is read to know what it is: tried at each of these, bytes. */
const headBytes = [64 * 1024, 1024 * 1024, 8 * 1024 * 1024];
/** So little more of a file is read to its end: that costs less than another connection. */
const worthReading = 128 * 1024;

interface Facts {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly sopClassUid: string;
}

/** Reads the beginning of a file. @throws WebError('protocol') when it is no object */
async function readFacts(client: XnatClient, file: XnatFile, signal: AbortSignal): Promise<Facts> {
  const head = new GrowingBytes();
  let tries = 0;
  let facts: Facts | null = null;
  for await (const chunk of await client.retrieve(file, signal)) {
    if (facts === null) head.append(chunk);
    if (facts === null && head.length >= (headBytes[tries] ?? Number.POSITIVE_INFINITY)) {
      tries += 1;
      facts = factsOf(head.bytes(), true);
      if (facts === null && tries === headBytes.length) break;
    }
    // Breaking off closes the connection.
    if (facts !== null && (file.bytes === null || file.bytes - head.length > worthReading)) break;
  }
  facts ??= factsOf(head.bytes(), false);
  if (facts !== null) return facts;
  throw new WebError('protocol', 'a file of a session is no DICOM object', { reason: 'dicom' });
}

function factsOf(bytes: Uint8Array, isBeginning: boolean): Facts | null {
  const header = readHeader(bytes, isBeginning);
  if (!header) return null;
  // What stands last may be cut off.
  if (isBeginning && !Object.keys(header.elements).some((tag) => tag > 'x0020000e')) return null;
  const reader = openElements(header.bytes, header.elements, header.littleEndian);
  const facts = {
    studyUid: textOf(reader, 'x0020000d'),
    seriesUid: textOf(reader, 'x0020000e'),
    sopUid: textOf(reader, 'x00080018'),
    sopClassUid: textOf(reader, 'x00080016'),
  };
  return [facts.studyUid, facts.seriesUid, facts.sopUid].every(isUid) ? facts : null;
}
