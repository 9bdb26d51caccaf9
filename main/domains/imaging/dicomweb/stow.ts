import { MessageChannel, Worker } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { CallContext } from '../../../core.ts';
import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import { parseMediaType } from '../../../dicom/web/mediaType.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { Taken } from '../import/receptionIntake.ts';
import { parseAccept } from './dicomwebAddress.ts';
import { chunkCredit, type FromStow, type StowWorkerData, type ToStow } from './stowMessages.ts';

/** Requests that are read at once; one more is asked to come again. */
const mostRequests = 4;
/** Of one token: a program that sends slowly leaves room for the others. */
const mostOfToken = 2;
/** Who sends: the id of a token, or null for a window. */
const underWay: (string | null)[] = [];

const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };

/**
 * STOW-RS (PS3.18 10.5): keeps the objects of a multipart/related request, part by part, and answers for each. Objects
 * are on the disk and in the index before the answer says so.
 *
 * @param studyUid the only study they may belong to, from the address
 * @throws Failure('security.notAllowed') where storing is switched off, or the caller may not
 */
export async function storeObjects(request: Request, context: CallContext, studyUid?: string): Promise<Response> {
  const { receiver } = context.services().exchange;
  const { settings } = receiver.state();
  if (!settings.stow) throw new Failure('security.notAllowed', 'storing over DICOMweb is switched off');
  if (!context.can('studies.import')) throw new Failure('security.notAllowed', 'storing needs studies.import');
  const types = parseAccept(request.headers.get('accept'));
  if (!types.some(({ mediaType }) => /^(\*\/\*|application\/(\*|json|dicom\+json))$/.test(mediaType)))
    return new Response(null, { status: 406 });
  const contentType = parseMediaType(request.headers.get('content-type') ?? '');
  const boundary = boundaryIn(contentType);
  const type = contentType?.parameters.get('type') ?? 'application/dicom';
  if (boundary === null || type.toLowerCase() !== 'application/dicom' || request.body === null)
    return new Response(null, { status: 415 });
  const author = context.author();
  const sender = author.grants ? author.operatorId : null;
  const isFull = sender !== null && underWay.filter((other) => other === sender).length >= mostOfToken;
  if (isFull || underWay.length >= mostRequests)
    return new Response(null, { status: 503, headers: { 'retry-after': '5' } });

  const store = context.store();
  const { receptions } = context.services().imaging;
  const logged = receiver.openRequest(author);
  receptions.open({
    receptionId: logged.associationId,
    source: 'STOW-RS',
    origin: { channel: 'stow', callingAe: '', nodeId: null },
    author,
    note: logged.note,
  });
  underWay.push(sender);
  const all: Taken[] = [];
  let problem: string | null = 'fault';
  try {
    const channel = new MessageChannel();
    receptions.serve(channel.port1);
    const data: StowWorkerData = {
      archiveAccess: store.archive.access,
      intakePort: channel.port2,
      receptionId: logged.associationId,
      boundary,
      studyUid: studyUid ?? null,
      leastFreeBytes: settings.leastFreeMib * 1024 ** 2,
    };
    problem = await readRequest(request, data, all, logged.signal);
  } finally {
    underWay.splice(underWay.indexOf(sender), 1);
    const refused = all.filter((taken) => taken.outcome === 'refused');
    const reasons: Record<string, number> = {};
    for (const { code } of refused) reasons[code] = (reasons[code] ?? 0) + 1;
    const lacksRoom = refused.some(({ reason }) => reason === 'space' || reason === 'fault');
    const isWhole = problem === null && !lacksRoom;
    try {
      logged.end({
        ending: problem === null ? 'released' : problem === 'gone' ? 'closed' : 'protocol',
        refused: refused.length,
        reasons,
        isWhole,
      });
    } catch (error) {
      // A full disk: what was kept is kept, and the next start says that it was never ended.
      store.platform.log.error('the end of a request could not be written', new Error(faultText(error)));
    }
    receptions.end(logged.associationId, isWhole);
  }
  const { protocol, host } = new URL(request.url);
  return answer(all, problem, `${protocol}//${host}/dicomweb`);
}

/** The boundary of multipart/related. RFC 2046 allows 70 characters; Orthanc sends 73. Null where there is none. */
function boundaryIn(contentType: ReturnType<typeof parseMediaType>): string | null {
  if (contentType?.type !== 'multipart/related') return null;
  const boundary = contentType.parameters.get('boundary') ?? '';
  return /^[\x20-\x7e]{1,200}$/.test(boundary) && !boundary.endsWith(' ') ? boundary : null;
}

/**
 * Has a worker read the body; `taken` fills as it goes. Returns what was wrong with the message, or null.
 *
 * @param signal ends it, as if the caller had gone away
 */
function readRequest(
  request: Request,
  data: StowWorkerData,
  taken: Taken[],
  signal: AbortSignal,
): Promise<string | null> {
  const worker = new Worker(new URL('./stow.worker.ts', import.meta.url), {
    workerData: data,
    transferList: [data.intakePort],
    resourceLimits,
  });
  const tell = (message: ToStow, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer);
  let credit = chunkCredit;
  let forCredit: () => void = () => undefined;
  let finished = false;
  const body = (request.body as ReadableStream<Uint8Array>).getReader();

  async function pump(): Promise<void> {
    try {
      for (;;) {
        const { done, value: chunk } = await body.read();
        if (done) break;
        while (credit <= 0 && !finished) {
          await new Promise<void>((resolve) => {
            forCredit = resolve;
          });
        }
        // The worker is done with a message that is no such message: the rest is left unread.
        if (finished) return;
        credit -= 1;
        // A copy of its own: a chunk is a view of memory that is used again.
        const bytes = new Uint8Array(chunk);
        tell({ type: 'chunk', bytes }, [bytes.buffer]);
      }
      tell({ type: signal.aborted ? 'gone' : 'end' });
    } catch {
      // The caller went away, or its connection broke: what came whole stays, and the log says so.
      tell({ type: 'gone' });
    }
  }

  const read = new Promise<string | null>((resolve, reject) => {
    worker.on('message', (message: FromStow) => {
      if (message.type === 'credit') {
        credit += message.count;
        forCredit();
      } else if (message.type === 'taken') taken.push(message.taken);
      else resolve(message.problem);
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread that reads a request ended')));
  });
  const stop = () => tell({ type: 'gone' });
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  void pump();
  return read.finally(() => {
    finished = true;
    signal.removeEventListener('abort', stop);
    forCredit();
    // What is left of the body is not wanted; its caller may have broken it already.
    body.cancel().catch(() => undefined);
    return worker.terminate();
  });
}

/** Failure Reason (0008,1197): PS3.18 annex I, whose numbers are those of C-STORE. */
const failureReasons = {
  space: 0xa700,
  tooLarge: 0xa700,
  mismatch: 0xa900,
  unreadable: 0xc000,
  fault: 0x0110,
} as const;

/** PS3.18 10.5.3: 200 when all are kept, 202 when some are, 409 when none is; 400 for a message without any object. */
function answer(all: readonly Taken[], problem: string | null, service: string): Response {
  if (all.length === 0) return new Response(null, { status: 400 });
  const text = (vr: string, value: string | number): JsonAttribute => ({ vr, Value: [value] });
  const named = ({ sopClassUid, sopUid }: Taken): JsonDataSet => ({
    ...(sopClassUid === '' ? {} : { '00081150': text('UI', sopClassUid) }),
    ...(sopUid === '' ? {} : { '00081155': text('UI', sopUid) }),
  });
  const kept: JsonDataSet[] = [];
  const failed: JsonDataSet[] = [];
  for (const taken of all) {
    if (taken.outcome === 'refused')
      failed.push({ ...named(taken), '00081197': text('US', failureReasons[taken.reason]) });
    else
      kept.push({
        ...named(taken),
        '00081190': text('UR', `${service}/studies/${taken.studyUid}`),
      });
  }
  const body: JsonDataSet = {};
  const studies = [...new Set(all.flatMap((taken) => (taken.outcome === 'refused' ? [] : [taken.studyUid])))];
  if (studies.length === 1) body['00081190'] = text('UR', `${service}/studies/${studies[0]}`);
  if (kept.length > 0) body['00081199'] = { vr: 'SQ', Value: kept };
  if (failed.length > 0) body['00081198'] = { vr: 'SQ', Value: failed };
  // What came after a break of the message is nobody's to answer for: never said to be complete.
  const isAll = failed.length === 0 && problem === null;
  return new Response(JSON.stringify(body), {
    status: isAll ? 200 : kept.length > 0 ? 202 : 409,
    headers: { 'content-type': 'application/dicom+json' },
  });
}
