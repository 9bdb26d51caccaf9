import type { FindQuery } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { DimseError, type RequestedAssociation } from '../../../dicom/dimse/dimse.ts';
import { openAssociation } from '../../../dicom/dimse/openAssociation.ts';
import { DatasetError } from '../../../dicom/prepareDataset.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import { openDicomwebClient } from '../../../dicom/web/dicomwebClient.ts';
import { encodeDataset } from '../../../dicom/writeDataset.ts';
import type { AskedPeer, DimsePeer } from './finderMessages.ts';
import { findModels, makeFindKeys, makeQidoSearch, modelOf } from './findKeys.ts';
import { refusalOf } from './peerRefusal.ts';
import { askXnat } from './xnatAnswers.ts';

/**
 * What a peer answers, one data set after the other; null for one that could not be read. Returns true when the peer had
 * no more to say, false when it was cut off at `atMost`.
 */
export type Answers = AsyncGenerator<JsonDataSet | null, boolean>;

/** Notes what a conversation showed that the peer can or can't do. */
export type Learn = (name: string, state: 'yes' | 'no') => void;

export const plainSyntaxes: readonly string[] = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];
/** How long the farewell to a peer may take once nobody wants its answers, before the connection is cut, ms. */
const farewellMs = 1000;

/** Asks one question. Breaking off sends C-CANCEL, or ends the request; the signal does the same. */
export function askPeer(peer: AskedPeer, query: FindQuery, atMost: number, signal: AbortSignal, learn: Learn): Answers {
  switch (peer.kind) {
    case 'dimse':
      return askOnce(peer.dimse, questionOf(query), signal, learn);
    case 'web':
      return askWeb(peer.web, query, atMost, signal, learn);
    case 'xnat':
      return askXnat(peer, query, signal, learn);
  }
}

/** A C-FIND: the information model, and its identifier, `plain` without a character set. */
export interface Question {
  readonly model: string;
  /** What the peer is seen to know when it answers. */
  readonly capability: 'find' | 'worklist';
  makeKeys(plain: boolean): JsonDataSet;
}

function questionOf(query: FindQuery): Question {
  return { model: modelOf(query.level), capability: 'find', makeKeys: (plain) => makeFindKeys(query, plain) };
}

/** The same on an association of its own. */
export async function* askOnce(peer: DimsePeer, question: Question, signal: AbortSignal, learn: Learn): Answers {
  const open = await openConversation(peer, question, signal, learn);
  try {
    return yield* open.ask(question);
  } finally {
    await open.end();
  }
}

interface Conversation {
  ask(question: Question): Answers;
  /** Says goodbye, or cuts the connection where that takes too long. Never throws. */
  end(): Promise<void>;
}

/** Opens the study root model for several questions. @throws DimseError */
export async function openStudyRoot(
  peer: DimsePeer,
  signal: AbortSignal,
  learn: Learn,
): Promise<{ ask(query: FindQuery): Answers; end(): Promise<void> }> {
  const about = { model: findModels.studyRoot, capability: 'find' } as const;
  const open = await openConversation(peer, about, signal, learn);
  return { ask: (query) => open.ask(questionOf(query)), end: () => open.end() };
}

/** Opens an association for the questions of one information model. @throws DimseError */
async function openConversation(
  peer: DimsePeer,
  { model, capability }: Pick<Question, 'model' | 'capability'>,
  signal: AbortSignal,
  learn: Learn,
): Promise<Conversation> {
  const cut = new AbortController();
  const cutLater = () => void setTimeout(() => cut.abort(), farewellMs).unref();
  // A peer that is heard out gets its C-CANCEL; one that says nothing is cut off.
  if (signal.aborted) cut.abort();
  else signal.addEventListener('abort', cutLater, { once: true });
  let association: RequestedAssociation;
  try {
    association = await openAssociation({
      ...peer,
      contexts: [{ abstractSyntax: model, transferSyntaxes: plainSyntaxes }],
      signal: cut.signal,
    });
  } catch (error) {
    signal.removeEventListener('abort', cutLater);
    throw error;
  }
  // The patient root model is one that not every archive has to know.
  if (association.contexts.length === 0 && model !== findModels.patientRoot) learn(capability, 'no');
  return {
    async *ask({ makeKeys }) {
      const isAscii = /^[\x20-\x7e]*$/.test(JSON.stringify(makeKeys(true)));
      let answered = yield* askAssociation(association, model, makeKeys(false));
      // Some old peers refuse a character set that they do not know, even where nothing needs it.
      if (answered.refusal && isAscii && !answered.hadAnswers) {
        answered = yield* askAssociation(association, model, makeKeys(true));
      }
      if (answered.refusal) throw answered.refusal;
      learn(capability, 'yes');
      return true;
    },
    async end() {
      signal.removeEventListener('abort', cutLater);
      const timer = setTimeout(() => association.abort(), farewellMs);
      await association.release();
      clearTimeout(timer);
    },
  };
}

interface Answered {
  readonly refusal: Failure | null;
  readonly hadAnswers: boolean;
}

async function* askAssociation(
  association: RequestedAssociation,
  model: string,
  keys: JsonDataSet,
): AsyncGenerator<JsonDataSet | null, Answered> {
  const found = association.find(model, (transferSyntaxUid) => encodeDataset(keys, transferSyntaxUid));
  let hadAnswers = false;
  let ended = false;
  try {
    for (;;) {
      const step = await found.next();
      if (step.done) {
        ended = true;
        return { refusal: refusalOf(step.value.status, 'find'), hadAnswers };
      }
      hadAnswers = true;
      yield decodeAnswer(step.value.dataset, step.value.transferSyntaxUid);
    }
  } finally {
    if (!ended) {
      // Sends C-CANCEL and waits for the end that the peer then says, but not for long.
      const timer = setTimeout(() => association.abort(), farewellMs);
      await found.return(undefined as never).catch(ignoreTheEnd);
      clearTimeout(timer);
    }
  }
}

function decodeAnswer(dataset: Uint8Array, transferSyntaxUid: string): JsonDataSet | null {
  try {
    return decodeDataset(dataset, transferSyntaxUid);
  } catch (error) {
    if (error instanceof DatasetError) return null;
    throw error;
  }
}

/** Nobody wants the answers any more: how the connection ends makes no difference. */
function ignoreTheEnd(error: unknown): void {
  if (!(error instanceof DimseError)) throw error;
}

async function* askWeb(
  peer: Extract<AskedPeer, { kind: 'web' }>['web'],
  query: FindQuery,
  atMost: number,
  signal: AbortSignal,
  learn: Learn,
): Answers {
  const client = openDicomwebClient(peer);
  try {
    const found = client.search({ ...makeQidoSearch(query), atMost, signal });
    for (;;) {
      const step = await found.next();
      if (step.done) {
        learn('qido', 'yes');
        return step.value.complete;
      }
      yield step.value;
    }
  } finally {
    client.close();
  }
}
