import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { DimseError, type RequestedAssociation } from '../../../dicom/dimse/dimse.ts';

import type { DimseLine } from './attemptDimse.ts';
import { commitment, commitmentRequest, newTransactionUid, readCommitment } from './commitmentData.ts';
import { encodeIdentifier } from './plainIdentifier.ts';
import { readBackByFind, studyRootFind } from './proofByFind.ts';
import { compareByGet } from './proofByGet.ts';
import type { ProofEnd, SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, TroubleNote } from './sendMessages.ts';

/** Instances of one storage commitment. */
const commitmentItems = 500;
const usualEventMs = 3000;

/**
 * Looks for the proof of everything that waits for it: the peer's promise where it gives one, else by reading back. What
 * the peer had before is fetched and compared.
 */
export async function proveDimse(
  order: AttemptOrder,
  ports: SenderPorts,
  line: DimseLine,
): Promise<ProofEnd & { trouble: TroubleNote | null }> {
  const end = await proveNew(order, ports, line);
  if (end.trouble !== null || !order.readsBack) return end;
  // Some peers let one association in at a time.
  await line.release();
  return (await compareByGet(order, ports)) ? { ...end, provenBy: end.provenBy ?? 'readBack' } : end;
}

/** The proof of what the peer did not have before. */
async function proveNew(
  order: AttemptOrder,
  ports: SenderPorts,
  line: DimseLine,
): Promise<ProofEnd & { trouble: TroubleNote | null }> {
  const waits = async () => (await ports.ask<'sentSeries'>({ kind: 'sentSeries' })).length > 0;
  const hasNew = () => ports.ask<'hasNew'>({ kind: 'hasNew' });
  if (!(await waits())) return { proof: 'none', provenBy: null, trouble: null };
  let isPromised = false;
  if (order.asksCommitment && (await hasNew())) {
    isPromised = await askCommitment(order, ports, line);
    // What the peer had before stays as it is: no promise of its UID says that it is the same object.
    if (isPromised && !(await hasNew())) return { proof: 'none', provenBy: 'commitment', trouble: null };
  }
  if (isPromised && (order.awaitsCommitment || !order.readsBack)) {
    return { proof: 'awaited', provenBy: 'commitment', trouble: null };
  }
  if (!order.readsBack) return { proof: 'impossible', provenBy: null, trouble: null };
  const association = await line.association();
  if (!agreedOn(association, studyRootFind)) {
    ports.learned('find', 'no');
    return { proof: 'impossible', provenBy: null, trouble: null };
  }
  return readBackByFind(order, ports, association);
}

function agreedOn({ contexts }: RequestedAssociation, abstractSyntax: string): boolean {
  return contexts.some((context) => context.abstractSyntax === abstractSyntax);
}

/** Asks for storage commitment (PS3.4 J.3.2). True when the peer took the request, and may yet answer it. */
async function askCommitment(order: AttemptOrder, ports: SenderPorts, line: DimseLine): Promise<boolean> {
  let association = await line.association();
  const isOffered = agreedOn(association, commitment.sopClassUid);
  let isTaken = false;
  while (isOffered) {
    const items = await ports.ask<'uncommitted'>({ kind: 'uncommitted', atMost: commitmentItems });
    if (items.length === 0) break;
    const transactionUid = newTransactionUid();
    const positions = items.map(({ position }) => position);
    await ports.ask<'commitmentAsked'>({ kind: 'commitmentAsked', transactionUid, positions });
    association = await line.association();
    if (!(await takesRequest(order, line, association, commitmentRequest(transactionUid, items)))) break;
    isTaken = true;
    await hearEvent(order, ports, line, association);
  }
  ports.learned('commitment', isTaken ? 'yes' : 'no');
  return isTaken;
}

/** Some peers offer it to everybody and break off when they do not know who asks: those are read back instead. */
async function takesRequest(
  order: AttemptOrder,
  line: DimseLine,
  association: RequestedAssociation,
  request: JsonDataSet,
): Promise<boolean> {
  const { sopClassUid, sopInstanceUid, actionType } = commitment;
  try {
    const { status } = await association.action({
      sopClassUid,
      sopInstanceUid,
      actionType,
      information: (transferSyntaxUid) => encodeIdentifier(request, transferSyntaxUid),
    });
    return status === 0;
  } catch (error) {
    if (!(error instanceof DimseError) || error.trouble === 'cancelled' || !order.readsBack) throw error;
    line.drop();
    return false;
  }
}

/** Some peers answer on the association that asked (PS3.4 J.3.3); those that do not are not waited for long. */
async function hearEvent(
  order: AttemptOrder,
  ports: SenderPorts,
  line: DimseLine,
  association: RequestedAssociation,
): Promise<void> {
  try {
    const event = await association.awaitEvent(order.times.eventMs ?? usualEventMs);
    if (event?.sopClassUid !== commitment.sopClassUid) return;
    const answer = readCommitment(event.information, event.transferSyntaxUid);
    if (answer) await ports.ask<'committed'>({ kind: 'committed', answer });
  } catch (error) {
    // A peer that ends the association instead: its answer may come on another, and reading back opens one.
    if (!(error instanceof DimseError) || error.trouble === 'cancelled') throw error;
    line.drop();
  }
}
