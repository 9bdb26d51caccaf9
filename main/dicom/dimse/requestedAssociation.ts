import { type Command, commandFields, statuses } from './commandSet.ts';
import type {
  AgreedContext,
  DimseStatus,
  EncodeKeys,
  FoundDataset,
  RequestedAssociation,
  StoreInput,
  TakeObject,
} from './dimse.ts';
import { type Asked, type Opened, openConversation } from './dimseConversation.ts';
import { broken, tooLate } from './dimseTrouble.ts';
import { verificationClassUid } from './dimseUids.ts';
import { readAll } from './incomingOperations.ts';

/** Neither low nor high (PS3.7 table 9.3-1). */
const mediumPriority = 0;

/** The operations of an association that the peer accepted. */
export function requestedAssociation(opened: Opened): RequestedAssociation {
  const conversation = openConversation(opened);
  const { times, writer, events, nextMessageId, contextFor, begin, finish, breakOff, run } = conversation;
  const { nextMessage, nextAnswer, takeEvent, statusOf } = conversation;

  /** A request and its one answer. */
  const ask = (
    context: AgreedContext,
    command: Omit<Command, 'messageId'>,
    dataset?: StoreInput['dataset'],
  ): Promise<DimseStatus> =>
    run(async () => {
      const messageId = nextMessageId();
      await writer.send(context.id, { ...command, messageId }, dataset);
      const message = await nextAnswer({ messageId, field: command.commandField, contextId: context.id });
      // Whatever it is about, it is no word on the object that was asked about.
      const { affectedInstanceUid = '' } = message.command;
      if (command.affectedInstanceUid !== undefined && !['', command.affectedInstanceUid].includes(affectedInstanceUid))
        throw broken('answer for another instance');
      return statusOf(message);
    });

  /** C-GET and C-MOVE: pending answers, then the last one. */
  const retrieve = (
    field: number,
    abstractSyntax: string,
    keys: EncodeKeys,
    more: { destination?: string; take?: TakeObject; progress?: ((status: DimseStatus) => void) | undefined },
  ): Promise<DimseStatus> => {
    const context = contextFor(abstractSyntax);
    const identifier = keys(context.transferSyntax);
    return run(async () => {
      const messageId = nextMessageId();
      await writer.send(
        context.id,
        {
          commandField: field,
          messageId,
          affectedClassUid: abstractSyntax,
          priority: mediumPriority,
          hasDataset: true,
          ...(more.destination === undefined ? {} : { moveDestination: more.destination }),
        },
        identifier,
      );
      for (;;) {
        const status = await statusOf(await nextAnswer({ messageId, field, contextId: context.id }, more.take));
        if (!isPending(status.status)) return status;
        more.progress?.(status);
      }
    });
  };

  /** C-CANCEL, and whatever still comes until the peer has ended the operation. */
  const cancelFind = async (request: Asked): Promise<void> => {
    const { messageId: respondedTo, contextId } = request;
    await writer.send(contextId, { commandField: commandFields.cancelRequest, respondedTo, hasDataset: false });
    const within = conversation.endAfter(tooLate('end of a cancelled search', times.answerMs), times.answerMs);
    try {
      while (isPending((await nextAnswer(request)).command.status ?? 0));
    } finally {
      clearTimeout(within);
    }
  };

  return {
    contexts: opened.contexts,
    refused: opened.refused,
    peer: opened.peer,
    certificate: opened.certificate,

    async echo() {
      return ask(contextFor(verificationClassUid), {
        commandField: commandFields.echoRequest,
        affectedClassUid: verificationClassUid,
        hasDataset: false,
      });
    },

    async store(input) {
      const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset, moveOriginator } = input;
      const command: Omit<Command, 'messageId'> = {
        commandField: commandFields.storeRequest,
        affectedClassUid: sopClassUid,
        affectedInstanceUid: sopInstanceUid,
        priority: mediumPriority,
        hasDataset: true,
        ...(moveOriginator
          ? { originatorAe: moveOriginator.aeTitle, originatorMessageId: moveOriginator.messageId }
          : {}),
      };
      return ask(contextFor(sopClassUid, transferSyntaxUid), command, dataset);
    },

    async *find(abstractSyntax, keys): AsyncGenerator<FoundDataset, DimseStatus> {
      const context = contextFor(abstractSyntax);
      const identifier = keys(context.transferSyntax);
      begin();
      const request = { messageId: nextMessageId(), field: commandFields.findRequest, contextId: context.id };
      let over = false;
      try {
        const { field: commandField, messageId } = request;
        const command = { commandField, messageId, affectedClassUid: abstractSyntax, priority: mediumPriority };
        await writer.send(context.id, { ...command, hasDataset: true }, identifier);
        for (;;) {
          const message = await nextAnswer(request);
          if (!isPending(message.command.status ?? 0)) {
            over = true;
            return await statusOf(message);
          }
          if (!message.data) throw broken('match without data set');
          yield { transferSyntaxUid: context.transferSyntax, dataset: await readAll(message.data) };
        }
      } catch (problem) {
        over = true;
        throw breakOff(problem);
      } finally {
        if (!over) {
          try {
            await cancelFind(request);
          } catch (problem) {
            // Whoever broke off the loop wants no more of it; the association is over, as the next operation says.
            breakOff(problem);
          }
        }
        finish();
      }
    },

    async get(abstractSyntax, keys, take, progress) {
      return retrieve(commandFields.getRequest, abstractSyntax, keys, { take, progress });
    },

    async move(abstractSyntax, keys, destination, progress) {
      return retrieve(commandFields.moveRequest, abstractSyntax, keys, { destination, progress });
    },

    async action({ sopClassUid, sopInstanceUid, actionType, information }) {
      const context = contextFor(sopClassUid);
      const command = {
        commandField: commandFields.actionRequest,
        requestedClassUid: sopClassUid,
        requestedInstanceUid: sopInstanceUid,
        actionType,
        hasDataset: true,
      };
      return ask(context, command, information(context.transferSyntax));
    },

    async awaitEvent(withinMs) {
      const kept = events.shift();
      if (kept) return kept;
      return run(async () => {
        const message = await nextMessage(withinMs);
        if (!message) return undefined;
        if (message.command.commandField !== commandFields.eventRequest) {
          throw broken('message out of place', { commandField: message.command.commandField });
        }
        return takeEvent(message);
      });
    },

    release: conversation.release,
    abort: conversation.abort,
  };
}

/** 0xFF00, and 0xFF01 where the peer ignored an optional key (PS3.4 C.4.1.1.4). */
function isPending(status: number): boolean {
  return status === statuses.pending || status === statuses.pending + 1;
}
