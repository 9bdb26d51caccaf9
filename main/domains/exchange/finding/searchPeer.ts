import { findQuerySchema, type ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { makeScheduleKeys, toScheduledStep, worklistModel } from '../schedule/scheduleDatasets.ts';
import type {
  FindEnd,
  FindWish,
  ListEnd,
  ListedInstance,
  ListWish,
  PeerTrouble,
  ScheduleWish,
} from './finderMessages.ts';
import { type FoundRow, isUid, keyOfRow, textOf, toFoundRow } from './foundRows.ts';
import { type Answers, askOnce, askPeer, type Learn, openStudyRoot } from './peerAnswers.ts';
import { troubleOf } from './peerRefusal.ts';
import { listXnat } from './xnatAnswers.ts';

/** A search that has not ended by then is cut: a peer may not trickle for ever. */
const longestSearchMs = 5 * 60_000;
/** Useless answers that are borne with, beyond as many as there may be useful ones. */
const uselessAnswers = 1000;
const rowsPerBatch = 100;
const longestWaitMs = 200;
/** Studies that are looked at where a peer knows no patients, to find them. */
const studiesForPatients = 10_000;

/** Most that is taken for one study; whoever lists more is not believed. */
const mostSeries = 5000;
const mostInstances = 200_000;

/**
 * Asks one peer and hands on what it answers, batch by batch; never throws. `take` resolves when there is room for more.
 * Ends at once when the signal is aborted or the limit reached; the farewell to the peer goes on behind.
 */
export function searchPeer(
  { nodeId, peer, query, limit }: FindWish,
  take: (rows: readonly FoundRow[]) => Promise<void>,
  signal: AbortSignal,
): Promise<FindEnd> {
  const atMost = query.level === 'PATIENT' ? studiesForPatients : limit + 1;
  return search<FoundRow>(
    {
      limit,
      ask: (until, learn) => askPeer(peer, query, atMost, until, learn),
      toRow: (answer) => toFoundRow(nodeId, query.level, answer, query),
      keyOf: keyOfRow,
    },
    take,
    signal,
  );
}

/** The same of a modality worklist; only DIMSE has them. */
export function searchWorklist(
  { nodeId, peer, query, limit }: ScheduleWish,
  take: (rows: readonly ScheduledStep[]) => Promise<void>,
  signal: AbortSignal,
): Promise<FindEnd> {
  const question = {
    model: worklistModel,
    capability: 'worklist',
    makeKeys: (plain: boolean) => makeScheduleKeys(query, plain),
  } as const;
  return search<ScheduledStep>(
    {
      limit,
      ask: (until, learn) => askOnce(peer, question, until, learn),
      toRow: (answer) => toScheduledStep(nodeId, answer),
      keyOf: (row) => JSON.stringify(row),
    },
    take,
    signal,
  );
}

interface Search<Row> {
  readonly limit: number;
  ask(signal: AbortSignal, learn: Learn): Answers;
  toRow(answer: JsonDataSet): Row | null;
  /** By which a second answer of the same thing is known. */
  keyOf(row: Row): string;
}

async function search<Row>(
  { limit, ask, toRow, keyOf }: Search<Row>,
  take: (rows: readonly Row[]) => Promise<void>,
  signal: AbortSignal,
): Promise<FindEnd> {
  const startedAtMs = performance.now();
  const seen = new Set<string>();
  const learned: Record<string, 'yes' | 'no'> = {};
  const deadline = AbortSignal.timeout(longestSearchMs);
  const batches = openBatches(take);
  let dropped = 0;
  let isCut = false;
  let failure: PeerTrouble | null = null;

  const learn: Learn = (name, state) => {
    learned[name] = state;
  };
  const answers = ask(AbortSignal.any([signal, deadline]), learn);
  try {
    for (;;) {
      const step = await answers.next();
      if (step.done) {
        isCut = !step.value;
        break;
      }
      if (signal.aborted || deadline.aborted) throw new Failure('exchange.timeout', 'the search took too long');
      const row = step.value && toRow(step.value);
      const key = row && keyOf(row);
      if (row === null || key === null || seen.has(key)) {
        dropped += 1;
        if (dropped <= limit + uselessAnswers) continue;
        throw new Failure('exchange.protocol', 'too many answers that are none', { reason: 'uselessAnswers', dropped });
      }
      if (seen.size === limit) {
        isCut = true;
        break;
      }
      seen.add(key);
      await batches.add(row);
    }
  } catch (error) {
    failure = troubleOf(deadline.aborted ? new Failure('exchange.timeout', 'the search took too long') : error);
  }
  // Not awaited: saying goodbye may take a second, and nobody waits for it.
  void answers.return(false).catch(() => undefined);
  if (!signal.aborted) await batches.end();
  const tookMs = Math.round(performance.now() - startedAtMs);
  return { failure, count: seen.size, isCut, dropped, learned, tookMs };
}

/** All instances that a peer says a study, or some of its series, has. Never throws. */
export async function listPeer(wish: ListWish, signal: AbortSignal): Promise<ListEnd> {
  const learned: Record<string, 'yes' | 'no'> = {};
  const learn: Learn = (name, state) => {
    learned[name] = state;
  };
  const instances = new Map<string, ListedInstance>();
  try {
    for await (const instance of listedBy(wish, signal, learn)) {
      instances.set(instance.sopUid, instance);
      if (instances.size > mostInstances) throw tooMany('instances');
    }
    return { failure: null, instances: [...instances.values()], learned };
  } catch (error) {
    return { failure: troubleOf(error), instances: [], learned };
  }
}

async function* listedBy(wish: ListWish, signal: AbortSignal, learn: Learn): AsyncGenerator<ListedInstance> {
  const { peer, studyUid } = wish;
  if (peer.kind === 'xnat') {
    yield* listXnat(peer, wish, signal);
    return;
  }
  const seriesQuery = findQuerySchema.parse({ level: 'SERIES', studyUid });
  const imageQuery = (seriesUid: string) => findQuerySchema.parse({ level: 'IMAGE', studyUid, seriesUid });
  const conversation =
    peer.kind === 'dimse'
      ? await openStudyRoot(peer.dimse, signal, learn)
      : {
          ask: (query: typeof seriesQuery) => askPeer(peer, query, mostInstances + 1, signal, learn),
          end: () => Promise.resolve(),
        };
  try {
    const seriesUids = new Set(wish.seriesUids);
    if (seriesUids.size === 0) {
      for (const row of await whole(conversation.ask(seriesQuery), mostSeries, (answer) =>
        toFoundRow('', 'SERIES', answer, { studyUid, seriesUid: '' }),
      )) {
        seriesUids.add(row.seriesUid);
      }
    }
    for (const seriesUid of seriesUids) {
      const listed = await whole(conversation.ask(imageQuery(seriesUid)), mostInstances, (answer) => {
        const row = toFoundRow('', 'IMAGE', answer, { studyUid, seriesUid });
        const sopClassUid = textOf(answer, '00080016');
        return row && { seriesUid, sopUid: row.sopUid, sopClassUid: isUid(sopClassUid) ? sopClassUid : '' };
      });
      yield* listed;
    }
  } finally {
    await conversation.end();
  }
}

/**
 * Every answer, or none: a list with a hole in it would make a part look like the whole.
 * @throws Failure('exchange.protocol') for an answer that names nothing, or more than `most`
 */
async function whole<Row>(
  answers: Answers,
  most: number,
  toRow: (answer: NonNullable<Awaited<ReturnType<Answers['next']>>['value']> & object) => Row | null,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const step = await answers.next();
    if (step.done) {
      if (!step.value) throw tooMany('answers');
      return rows;
    }
    const row = step.value && toRow(step.value);
    if (row === null)
      throw new Failure('exchange.protocol', 'an answer that names nothing', { reason: 'uselessAnswer' });
    rows.push(row);
    if (rows.length > most) throw tooMany('answers');
  }
}

function tooMany(what: string): Failure {
  return new Failure('exchange.protocol', 'the list has no end', { reason: 'tooMany', what });
}

/** Hands on rows a hundred at a time, and no row later than 200 ms after it came. */
function openBatches<Row>(take: (rows: readonly Row[]) => Promise<void>) {
  let waiting: Row[] = [];
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const rows = waiting;
    waiting = [];
    if (rows.length > 0) sending = sending.then(() => take(rows));
    return sending;
  };
  return {
    async add(row: Row): Promise<void> {
      waiting.push(row);
      if (waiting.length >= rowsPerBatch) await flush();
      else timer ??= setTimeout(flush, longestWaitMs);
    },
    end: flush,
  };
}
