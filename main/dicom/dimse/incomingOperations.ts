/** What a peer asks of us, on an association of either side: C-STORE and N-EVENT-REPORT. */
import { GrowingBytes } from '../growingBytes.ts';
import { type Command, commandFields, statuses } from './commandSet.ts';
import type { AgreedContext, IncomingEvent, TakeObject } from './dimse.ts';
import { broken } from './dimseTrouble.ts';
import type { Incoming, IncomingData } from './messageStream.ts';
import type { MessageWriter } from './messageWriter.ts';

type Message = Extract<Incoming, { kind: 'message' }>;

/**
 * Gives the object to `take` and sends the status that it says. A success for an object that was not read to its end
 * becomes 0x0110: nobody can have stored it.
 * @param failed hears what `take` threw
 * @throws DimseError when the object did not come whole; nothing is answered then
 */
export async function takeObject(
  message: Message,
  context: AgreedContext,
  writer: MessageWriter,
  take: TakeObject,
  failed: (problem: unknown) => void = () => undefined,
): Promise<{ readonly status: number; readonly bytes: number }> {
  const { command, data } = message;
  const { affectedClassUid = '', affectedInstanceUid = '', originatorAe, originatorMessageId } = command;
  if (!data) throw broken('object without data set');
  let said: { status: number; comment?: string } = { status: statuses.processingFailure };
  if (affectedClassUid !== context.abstractSyntax) {
    said = { status: statuses.classNotSupported, comment: 'not the class of the context' };
  } else if (!isUid(affectedInstanceUid)) {
    said = { status: statuses.invalidInstance, comment: 'not a UID' };
  } else {
    try {
      said = await take({
        sopClassUid: affectedClassUid,
        sopInstanceUid: affectedInstanceUid,
        transferSyntaxUid: context.transferSyntax,
        dataset: data,
        moveOriginator: isTitle(originatorAe)
          ? { aeTitle: originatorAe.trim(), messageId: originatorMessageId ?? 0 }
          : null,
      });
    } catch (problem) {
      // What ended the connection is thrown again by `drain`, and is no failure of whoever takes objects.
      await data.drain();
      failed(problem);
    }
  }
  const whole = data.complete;
  await data.drain();
  if (!whole && !isFailure(said.status)) {
    said = { status: statuses.processingFailure, comment: 'the object was not read to its end' };
  }
  await writer.send(message.contextId, answerTo(command, said.status, said.comment));
  return { status: said.status, bytes: data.bytes };
}

/** Reads an event report and answers success. */
export async function answerEvent(
  message: Message,
  transferSyntaxUid: string,
  writer: MessageWriter,
  handle?: (event: IncomingEvent) => Promise<void>,
): Promise<IncomingEvent> {
  const { command, data } = message;
  if (!isUid(command.affectedClassUid) || !isUid(command.affectedInstanceUid)) throw broken('event without UIDs');
  const event: IncomingEvent = {
    sopClassUid: command.affectedClassUid ?? '',
    sopInstanceUid: command.affectedInstanceUid ?? '',
    eventType: command.eventType ?? 0,
    transferSyntaxUid,
    information: data ? await readAll(data) : new Uint8Array(0),
  };
  await handle?.(event);
  await writer.send(message.contextId, answerTo(command, statuses.success));
  return event;
}

/** The answer to a request, with what a request's own fields say. */
export function answerTo(command: Command, status: number, comment?: string): Command {
  const { commandField, messageId, affectedClassUid, affectedInstanceUid, eventType } = command;
  return {
    commandField: commandField | 0x8000,
    respondedTo: messageId ?? 0,
    hasDataset: false,
    status,
    // Error Comment is LO: at most 64 characters, no backslash (PS3.7 C.1).
    ...(comment ? { comment: comment.replace(/[^\x20-\x5b\x5d-\x7e]/g, '?').slice(0, 64) } : {}),
    ...(affectedClassUid === undefined ? {} : { affectedClassUid }),
    ...(affectedInstanceUid === undefined ? {} : { affectedInstanceUid }),
    ...(commandField === commandFields.eventRequest && eventType !== undefined ? { eventType } : {}),
  };
}

/** The whole data set; its length is limited where it is read. */
export async function readAll(data: IncomingData): Promise<Uint8Array> {
  const whole = new GrowingBytes();
  for await (const part of data) whole.append(part);
  return whole.bytes();
}

/** Digits and dots, at most 64 (PS3.5 9.1); leading zeros occur and are borne with. */
export function isUid(text: string | undefined): text is string {
  return text !== undefined && /^[0-9.]{1,64}$/.test(text);
}

/** The default repertoire without backslash and control characters, 16 at most (PS3.5 6.2, AE). */
export function isTitle(text: string | undefined): text is string {
  return text !== undefined && /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== '';
}

/** Warnings (0x0001, 0xB…) are successes with a remark. */
function isFailure(status: number): boolean {
  return status !== statuses.success && status !== 0x0001 && (status & 0xf000) !== 0xb000;
}
