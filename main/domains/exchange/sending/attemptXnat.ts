import type { XnatSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import { openXnatClient, type XnatClient } from '../../../dicom/web/xnatClient.ts';
import { webPeerOf } from '../nodes/nodeConnections.ts';
import { failureOfTrouble } from '../nodes/troubleFailures.ts';
import { endOfWebTrouble } from './attemptWeb.ts';
import { asPart10, openPace, type ReadyObject } from './objectSource.ts';
import { proveXnat } from './proofByXnat.ts';
import { isUnreadable, mostPutOff, type SenderPorts } from './senderPorts.ts';
import type { AttemptEnd, AttemptOrder, SendItem, TroubleNote } from './sendMessages.ts';

const pageItems = 50;

interface XnatLine {
  readonly order: AttemptOrder;
  readonly ports: SenderPorts;
  readonly client: XnatClient;
  readonly project: string;
  readonly pace: ReturnType<typeof openPace>;
}

/**
 * One attempt at an XNAT: gives each queued object to its import service, then looks in the archive for what was given.
 * What ended it is part of the answer; only a fault of ours is thrown.
 */
export async function attemptXnat(
  order: AttemptOrder,
  settings: XnatSettings,
  ports: SenderPorts,
): Promise<AttemptEnd> {
  const { web } = order.times;
  const client = openXnatClient(webPeerOf(order.known), web ? { times: web } : {});
  const pace = openPace(order.known.node.use.kilobytesPerSecond, ports.signal);
  const line: XnatLine = { order, ports, client, project: settings.project, pace };
  const answered = { once: false };
  try {
    await requireProject(line, answered);
    const putOff = await sendQueued(line);
    // A session is not archived while something of it is still to be sent.
    const archives = settings.archives && putOff === null;
    const { trouble, ...proof } = await proveXnat(order, { ...settings, archives }, ports, client);
    return { ...proof, trouble: putOff ?? trouble, retryAfterMs: null, reached: true };
  } catch (error) {
    return endOfWebTrouble(error, answered.once);
  } finally {
    await client.close();
  }
}

/**
 * An XNAT puts objects for a project that it does not know, or does not let us know, wherever they seem to belong.
 * @throws Failure('exchange.projectUnknown')
 */
async function requireProject({ client, project, ports }: XnatLine, answered: { once: boolean }): Promise<void> {
  const projects = await client.projects(ports.signal);
  answered.once = true;
  if (!projects.some(({ projectId }) => projectId === project))
    throw new Failure('exchange.projectUnknown', 'the project is not there, or not for us');
}

/** Returns what made the peer put objects off, null when each got its answer. */
async function sendQueued(line: XnatLine): Promise<TroubleNote | null> {
  let putOff: TroubleNote | null = null;
  let inARow = 0;
  for (;;) {
    const items = await line.ports.ask<'queued'>({ kind: 'queued', atMost: pageItems });
    if (items.length === 0) return putOff;
    for (const item of items) {
      line.ports.busyWith(item);
      const trouble = await sendOne(line, item);
      if (trouble !== null) putOff = trouble;
      inARow = trouble === null ? 0 : inARow + 1;
      if (inARow >= mostPutOff) return putOff;
    }
    line.ports.busyWith(null);
  }
}

/** Sends one object. Returns why the peer put it off, null when it said yes or no. @throws when the connection broke */
async function sendOne({ ports, client, pace, project }: XnatLine, item: SendItem): Promise<TroubleNote | null> {
  const { position } = item;
  const refuse = (code: string) => ports.result({ position, kind: 'refused', status: null, code });
  let file: ReadyObject;
  try {
    file = asPart10(item, ports.objects.read(item));
    const places = await client.import(
      { projectId: project, byteLength: file.byteLength, open: () => pace.through(file.open()) },
      ports.signal,
    );
    // 200 and no place: an import filter of the site or the project left it out.
    if (places.length === 0) refuse('exchange.leftOut');
    else if (!places.every((place) => projectOf(place) === project)) refuse('exchange.elsewhere');
    else ports.result({ position, kind: 'accepted', status: null, transcodedTo: null });
    return null;
  } catch (error) {
    if (error instanceof Failure && isUnreadable(error.code)) {
      ports.result({ position, kind: 'unreadable', code: error.code });
      return null;
    }
    if (error instanceof WebError && error.trouble === 'refused') return hearRefusal(ports, item, error);
    const { code } = failureOfTrouble(error);
    if (code !== 'jobs.interrupted') ports.result({ position, kind: 'again', status: null, code });
    throw error;
  }
}

/** Conflict, locked, too early: somebody else sends the same session, or it is being archived just now. */
const passingStatuses: ReadonlySet<unknown> = new Set([408, 409, 423, 425]);

function hearRefusal(ports: SenderPorts, { position }: SendItem, { details }: WebError): TroubleNote | null {
  const status = details['status'];
  if (!passingStatuses.has(status)) {
    ports.result({ position, kind: 'refused', status: null, code: 'exchange.refusedByPeer' });
    return null;
  }
  ports.result({ position, kind: 'again', status: null, code: 'exchange.busy' });
  return { code: 'exchange.busy', details: { status: Number(status) } };
}

/** `/prearchive/projects/P/…`, or `/archive/projects/P/…`. */
function projectOf(place: string): string | null {
  const name = /^\/(?:pre)?archive\/projects\/([^/]+)\//.exec(place)?.[1];
  try {
    return name === undefined ? null : decodeURIComponent(name);
  } catch {
    return null;
  }
}
