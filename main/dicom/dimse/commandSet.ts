/** Command sets (PS3.7 6.3, annex E): group 0000, always implicit VR little endian. */
import { broken } from './dimseTrouble.ts';
import { decodeText } from './pduCodec.ts';

export const commandFields = {
  storeRequest: 0x0001,
  storeAnswer: 0x8001,
  getRequest: 0x0010,
  getAnswer: 0x8010,
  findRequest: 0x0020,
  findAnswer: 0x8020,
  moveRequest: 0x0021,
  moveAnswer: 0x8021,
  echoRequest: 0x0030,
  echoAnswer: 0x8030,
  eventRequest: 0x0100,
  eventAnswer: 0x8100,
  actionRequest: 0x0130,
  actionAnswer: 0x8130,
  cancelRequest: 0x0fff,
} as const;

/** Set in the command field of every answer. */
export const answerBit = 0x8000;

/** Statuses that we say ourselves (PS3.7 annex C). */
export const statuses = {
  success: 0x0000,
  processingFailure: 0x0110,
  invalidInstance: 0x0117,
  classNotSupported: 0x0122,
  unrecognizedOperation: 0x0211,
  pending: 0xff00,
  cancelled: 0xfe00,
  unableToProcess: 0xc000,
} as const;

/** A command; which fields are there depends on `commandField`. */
export interface Command {
  readonly commandField: number;
  readonly hasDataset: boolean;
  readonly messageId?: number;
  readonly respondedTo?: number;
  readonly affectedClassUid?: string;
  readonly requestedClassUid?: string;
  readonly affectedInstanceUid?: string;
  readonly requestedInstanceUid?: string;
  readonly moveDestination?: string;
  readonly priority?: number;
  readonly status?: number;
  readonly comment?: string;
  readonly eventType?: number;
  readonly actionType?: number;
  readonly remaining?: number;
  readonly completed?: number;
  readonly failed?: number;
  readonly warnings?: number;
  readonly originatorAe?: string;
  readonly originatorMessageId?: number;
}

const noDataset = 0x0101;
const commandFieldElement = 0x0100;
const datasetTypeElement = 0x0800;

type NumberField = {
  [K in keyof Command]-?: Exclude<Command[K], undefined> extends number ? K : never;
}[keyof Command];
type TextField = { [K in keyof Command]-?: Exclude<Command[K], undefined> extends string ? K : never }[keyof Command];

const numbers: readonly (readonly [element: number, field: NumberField])[] = [
  [commandFieldElement, 'commandField'],
  [0x0110, 'messageId'],
  [0x0120, 'respondedTo'],
  [0x0700, 'priority'],
  [0x0900, 'status'],
  [0x1002, 'eventType'],
  [0x1008, 'actionType'],
  [0x1020, 'remaining'],
  [0x1021, 'completed'],
  [0x1022, 'failed'],
  [0x1023, 'warnings'],
  [0x1031, 'originatorMessageId'],
];

/** With the byte that makes an odd value even: UIDs take a null, text a space (PS3.5 6.2). */
const texts: readonly (readonly [element: number, field: TextField, padding: string])[] = [
  [0x0002, 'affectedClassUid', '\0'],
  [0x0003, 'requestedClassUid', '\0'],
  [0x0600, 'moveDestination', ' '],
  [0x0902, 'comment', ' '],
  [0x1000, 'affectedInstanceUid', '\0'],
  [0x1001, 'requestedInstanceUid', '\0'],
  [0x1030, 'originatorAe', ' '],
];

/** The command as bytes, with its group length. Text goes out as it is: UIDs, titles and our own comments. */
export function encodeCommand(command: Command): Buffer {
  const elements: { element: number; value: Buffer }[] = [];
  for (const [element, field] of numbers) {
    const number = command[field];
    if (number !== undefined) elements.push({ element, value: encodeNumber(number) });
  }
  for (const [element, field, padding] of texts) {
    const text = command[field];
    if (text === undefined) continue;
    elements.push({ element, value: Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1') });
  }
  elements.push({ element: datasetTypeElement, value: encodeNumber(command.hasDataset ? 0 : noDataset) });
  elements.sort((one, other) => one.element - other.element);
  const body = Buffer.concat(elements.flatMap(({ element, value }) => [encodeHead(element, value.length), value]));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([encodeHead(0, 4), length, body]);
}

/**
 * Reads a command. Elements that we do not use are passed over; the group length is not relied on.
 * @throws DimseError('protocol') for elements past the end, of another group or repeated, and fields that are missing
 */
export function decodeCommand(bytes: Buffer): Command {
  const values = new Map<number, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw broken('command cut short');
    if (bytes.readUInt16LE(at) !== 0) throw broken('command element of another group');
    const element = bytes.readUInt16LE(at + 2);
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) throw broken('command element past the end');
    if (values.has(element)) throw broken('repeated command element', { element });
    values.set(element, bytes.subarray(at + 8, end));
    at = end;
  }
  const command: Record<string, number | string> = {};
  for (const [element, field] of numbers) {
    const value = values.get(element);
    if (value === undefined || value.length === 0) continue;
    if (value.length !== 2) throw broken('command number', { element });
    command[field] = value.readUInt16LE(0);
  }
  for (const [element, field] of texts) {
    const value = values.get(element);
    if (value !== undefined) command[field] = decodeText(value);
  }
  const { commandField } = command;
  const datasetType = values.get(datasetTypeElement);
  if (typeof commandField !== 'number') throw broken('command without field');
  if (datasetType?.length !== 2) throw broken('command without data set type', { commandField });
  const read: Command = { ...command, commandField, hasDataset: datasetType.readUInt16LE(0) !== noDataset };
  check(read);
  return read;
}

/** Fields that an answer or a request cannot do without (PS3.7 9.3, 10.3). */
function check(command: Command): void {
  const { commandField } = command;
  const missing = (what: string) => broken(`command without ${what}`, { commandField });
  if (commandField === commandFields.cancelRequest) {
    if (command.respondedTo === undefined) throw missing('message id');
    return;
  }
  if ((commandField & answerBit) !== 0) {
    if (command.respondedTo === undefined) throw missing('message id responded to');
    if (command.status === undefined) throw missing('status');
    return;
  }
  if (command.messageId === undefined) throw missing('message id');
  const { storeRequest, eventRequest } = commandFields;
  if (commandField === storeRequest || commandField === eventRequest) {
    if (!command.affectedClassUid) throw missing('SOP class');
    if (!command.affectedInstanceUid) throw missing('SOP instance');
  }
  if (commandField === eventRequest && command.eventType === undefined) throw missing('event type');
}

function encodeHead(element: number, length: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(element, 2);
  head.writeUInt32LE(length, 4);
  return head;
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
