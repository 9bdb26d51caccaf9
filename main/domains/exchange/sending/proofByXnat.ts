import type { XnatSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { digestObject } from '../../../dicom/web/objectDigest.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import type { PrearchivedSession, XnatClient, XnatFile, XnatSession } from '../../../dicom/web/xnatClient.ts';
import { isOriginal } from '../../../dicom/web/xnatRows.ts';
import { asPart10 } from './objectSource.ts';
import { type Likeness, likenessOf, sentForm } from './proofByWeb.ts';
import type { ProofEnd, SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, SendItem, TroubleNote } from './sendMessages.ts';

type XnatProof = ProofEnd & { readonly trouble: TroubleNote | null };

interface Looking {
  readonly order: AttemptOrder;
  readonly settings: XnatSettings;
  readonly ports: SenderPorts;
  readonly client: XnatClient;
}

/**
 * Reads back what waits for its proof. XNAT's lists name files, not instances: so each file of a series is fetched and
 * compared until everything that was sent of it is found. Only what lies in the archive counts: a session in the
 * prearchive can still be rejected, and is said to lie there.
 */
export async function proveXnat(
  order: AttemptOrder,
  settings: XnatSettings,
  ports: SenderPorts,
  client: XnatClient,
): Promise<XnatProof> {
  const waits = async () => (await ports.ask<'sentSeries'>({ kind: 'sentSeries' })).length > 0;
  if (!(await waits())) return { proof: 'none', provenBy: null, trouble: null };
  // XNAT commits to nothing.
  if (!order.readsBack) return { proof: 'impossible', provenBy: null, trouble: null };
  const looking: Looking = { order, settings, ports, client };
  const { archived, waiting, refused } = await findSessions(looking);
  // On its way, because we asked: looked at once it has arrived, so that nothing is left in the prearchive.
  const moving = settings.archives ? waiting?.filter((session) => !isStuck(session)) : [];
  if (refused === null && moving?.[0]) return { proof: 'none', provenBy: null, trouble: troubleOf(moving) };
  let isListed = false;
  for (const session of archived) {
    if (await readSession(looking, session, waiting?.length === 0 && archived.length === 1)) isListed = true;
  }
  const trouble = (await waits()) ? (refused ?? troubleOf(waiting ?? [])) : null;
  return { proof: 'none', provenBy: isListed ? 'readBack' : null, trouble };
}

interface Sessions {
  readonly archived: readonly XnatSession[];
  /** Null: the prearchive is not for us to see. */
  readonly waiting: readonly PrearchivedSession[] | null;
  readonly refused: TroubleNote | null;
}

async function findSessions({ order, settings, ports, client }: Looking): Promise<Sessions> {
  const { signal } = ports;
  const isOfStudy = ({ studyUid }: { readonly studyUid: string }) => studyUid === order.studyUid;
  const listArchived = async () => (await client.sessions(settings.project, signal)).filter(isOfStudy);
  const listWaiting = async () => {
    try {
      return (await client.prearchived(settings.project, signal)).filter(isOfStudy);
    } catch (error) {
      if (error instanceof WebError && (error.trouble === 'forbidden' || error.trouble === 'notFound')) return null;
      throw error;
    }
  };
  let archived = await listArchived();
  let waiting = await listWaiting();
  const ready = settings.archives ? (waiting ?? []).filter(({ status }) => status === 'READY') : [];
  if (ready.length === 0) return { archived, waiting, refused: null };
  let refused: TroubleNote | null = null;
  for (const { source, label } of ready) {
    try {
      // A session of this label that is another study is never added to: XNAT refuses, and a person decides there.
      const isOfItsLabel = archived.some((session) => session.label === label);
      await client.archive(source, isOfItsLabel, signal);
    } catch (error) {
      if (!(error instanceof WebError) || error.trouble !== 'refused') throw error;
      refused = { code: 'exchange.prearchiveConflict', details: { status: Number(error.details['status']) } };
    }
  }
  archived = await listArchived();
  waiting = await listWaiting();
  return { archived, waiting, refused };
}

/** Why something is not proven yet, or will not be by itself. */
function troubleOf(waiting: readonly PrearchivedSession[]): TroubleNote {
  const stuck = waiting.find(isStuck);
  if (stuck) return { code: 'exchange.prearchiveConflict', details: { state: stuck.status } };
  const [first] = waiting;
  if (first) return { code: 'exchange.inPrearchive', details: { state: plainState(first.status) } };
  return { code: 'exchange.notListed', details: {} };
}

function isStuck({ status }: PrearchivedSession): boolean {
  return status === 'CONFLICT' || status === 'ERROR';
}

/** One of XNAT's own words; a peer's text is not passed on. */
function plainState(status: string): string {
  return /^[A-Z_]{1,40}$/.test(status) ? status : 'UNKNOWN';
}

/**
 * Compares what was sent with the files of an archived session. What is not among them is missing only where nothing
 * of the study is elsewhere. Returns false where the session lists no objects at all: some XNATs answer so for sessions
 * that have them.
 */
async function readSession(looking: Looking, session: XnatSession, isAll: boolean): Promise<boolean> {
  const { ports, client } = looking;
  const { signal } = ports;
  const files = (await client.files(session.experimentId, signal)).filter(isOriginal);
  if (files.length === 0) return false;
  const scans = await client.scans(session.experimentId, signal);
  const seriesOf = new Map(scans.map(({ scanId, seriesUid }) => [scanId, seriesUid]));
  for (const seriesUid of await ports.ask<'sentSeries'>({ kind: 'sentSeries' })) {
    const items = await ports.ask<'sentOf'>({ kind: 'sentOf', seriesUid });
    // A scan without a UID may be of any series.
    const isOfSeries = ({ scanId }: XnatFile) => seriesOf.get(scanId) === seriesUid;
    const mayBe = files.filter((file) => isOfSeries(file) || (seriesOf.get(file.scanId) ?? '') === '');
    const candidates = likelyFirst(mayBe, items, isOfSeries);
    const found = await compareFiles(looking, items, candidates);
    for (const item of items) {
      const likeness = found.get(item.sopUid);
      const { position, isDuplicate } = item;
      if (likeness === 'same' || (likeness === 'unseen' && !isDuplicate)) ports.result({ position, kind: 'shown' });
      else if (isAll && (likeness === undefined || likeness === 'other'))
        ports.result({ position, kind: 'missing', status: null });
    }
  }
  return true;
}

/**
 * A few new images of a long series are found among its files without fetching them all: those that are named after one of
 * them come first, then those of its own scan, then those as long as one of them.
 */
function likelyFirst(
  files: readonly XnatFile[],
  items: readonly Pick<SendItem, 'sopUid' | 'bytes'>[],
  isOfSeries: (file: XnatFile) => boolean,
): XnatFile[] {
  const lengths = new Set<number | null>(items.map(({ bytes }) => bytes));
  const sopUids = new Set(items.map(({ sopUid }) => sopUid));
  const isNamed = ({ name }: XnatFile) => (name.match(/[0-9]+(?:\.[0-9]+)+/g) ?? []).some((uid) => sopUids.has(uid));
  const unlikely = (file: XnatFile) =>
    (isNamed(file) ? 0 : 4) + (isOfSeries(file) ? 0 : 2) + (lengths.has(file.bytes) ? 0 : 1);
  return files
    .map((file) => ({ file, rank: unlikely(file) }))
    .sort((left, right) => left.rank - right.rank)
    .map(({ file }) => file);
}

const rank: Readonly<Record<Likeness, number>> = { other: 0, unseen: 1, same: 2 };

async function compareFiles(
  { order, ports, client }: Looking,
  items: readonly SendItem[],
  files: readonly XnatFile[],
): Promise<Map<string, Likeness>> {
  const wanted = new Map(items.map((item) => [item.sopUid, item]));
  const found = new Map<string, Likeness>();
  for (const file of files) {
    if (found.size === wanted.size && [...found.values()].every((likeness) => likeness === 'same')) break;
    const there = await digestFile(client, file, ports.signal);
    const item = there && wanted.get(there.sopInstanceUid);
    if (!there || !item) continue;
    const here = await digestObject(asPart10(item, await sentForm(item, ports)).open());
    const likeness = likenessOf(here, there, order.studyUid, item);
    const before = found.get(item.sopUid);
    if (before === undefined || rank[likeness] > rank[before]) found.set(item.sopUid, likeness);
  }
  return found;
}

/** Null for what is listed and is no whole object: whatever it is, it is none that arrived. */
async function digestFile(client: XnatClient, file: XnatFile, signal: AbortSignal) {
  let isCutOff = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* await client.retrieve(file, signal);
    } catch (error) {
      // The connection's trouble, which says nothing of the object.
      isCutOff = !(error instanceof WebError && error.trouble === 'notFound');
      throw error;
    }
  }
  try {
    return await digestObject(bytes());
  } catch (error) {
    if (isCutOff || !(error instanceof WebError)) throw error;
    return null;
  }
}
