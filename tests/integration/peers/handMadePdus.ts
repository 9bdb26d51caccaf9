/** The upper layer of DICOM (PS3.8 section 9) byte by byte, apart from the product's own, so that tests can break it. */

export interface OfferedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface AssociateRequest {
  readonly calledAe: string;
  readonly callingAe: string;
  readonly contexts: readonly OfferedContext[];
  /** Role selections as they came (PS3.7 D.3.3.4). */
  readonly roles: readonly Buffer[];
  /** Longest PDU the requestor takes, bytes; 0: any. */
  readonly maxPduBytes: number;
}

/** Elements of group 0000 by their element number. */
export type CommandSet = ReadonlyMap<number, Buffer>;

export interface DimseMessage {
  readonly contextId: number;
  readonly command: CommandSet;
  readonly dataset: Buffer;
}

export const pduTypes = {
  request: 1,
  accept: 2,
  reject: 3,
  data: 4,
  releaseRequest: 5,
  releaseAnswer: 6,
  abort: 7,
} as const;

export function pdu(type: number, body: Uint8Array): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function item(type: number, body: Uint8Array): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function* itemsOfPdu(bytes: Buffer): Generator<{ type: number; body: Buffer }> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    yield { type: bytes[at] as number, body: bytes.subarray(at + 4, at + 4 + length) };
    at += 4 + length;
  }
}

const ae = (title: string) => Buffer.from(title.padEnd(16), 'latin1');
const applicationContext = item(0x10, Buffer.from('1.2.840.10008.3.1.1.1', 'latin1'));

function userInformation(...more: readonly Uint8Array[]): Buffer {
  const longest = Buffer.alloc(4);
  longest.writeUInt32BE(65_536);
  const implementation = item(0x52, Buffer.from('2.25.171717171717', 'latin1'));
  return item(0x50, Buffer.concat([item(0x51, longest), implementation, ...more]));
}

export function readAssociateRequest(body: Buffer): AssociateRequest {
  const contexts: OfferedContext[] = [];
  const roles: Buffer[] = [];
  let maxPduBytes = 0;
  for (const { type, body: content } of itemsOfPdu(body.subarray(68))) {
    if (type === 0x20) {
      const inner = [...itemsOfPdu(content.subarray(4))];
      const textOfItem = (wanted: number) =>
        inner.filter((one) => one.type === wanted).map((one) => one.body.toString('latin1').replace(/\0+$/, ''));
      contexts.push({
        id: content[0] as number,
        abstractSyntax: textOfItem(0x30)[0] ?? '',
        transferSyntaxes: textOfItem(0x40),
      });
    } else if (type === 0x50) {
      for (const inner of itemsOfPdu(content)) {
        if (inner.type === 0x51) maxPduBytes = inner.body.readUInt32BE(0);
        if (inner.type === 0x54) roles.push(inner.body);
      }
    }
  }
  const title = (at: number) =>
    body
      .subarray(at, at + 16)
      .toString('latin1')
      .trim();
  return { calledAe: title(4), callingAe: title(20), contexts, roles, maxPduBytes };
}

/** A-ASSOCIATE-AC; `syntaxOf` names what is accepted, whether it was offered or not. */
export function associateAccept(request: AssociateRequest, syntaxOf: (context: OfferedContext) => string): Buffer {
  const contexts = request.contexts.map((context) =>
    item(
      0x21,
      Buffer.concat([Buffer.from([context.id, 0, 0, 0]), item(0x40, Buffer.from(syntaxOf(context), 'latin1'))]),
    ),
  );
  const head = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    ae(request.calledAe),
    ae(request.callingAe),
    Buffer.alloc(32),
  ]);
  const roles = Buffer.concat(request.roles.map((role) => item(0x54, role)));
  return pdu(pduTypes.accept, Buffer.concat([head, applicationContext, ...contexts, userInformation(roles)]));
}

/** A-ASSOCIATE-RQ for one class, as its SCP (role selection, PS3.7 D.3.3.4). */
export function associateAsScp(calledAe: string, callingAe: string, abstractSyntax: string, syntax: string): Buffer {
  const context = item(
    0x20,
    Buffer.concat([
      Buffer.from([1, 0, 0, 0]),
      item(0x30, Buffer.from(abstractSyntax, 'latin1')),
      item(0x40, Buffer.from(syntax, 'latin1')),
    ]),
  );
  const uid = Buffer.from(abstractSyntax, 'latin1');
  const role = item(0x54, Buffer.concat([Buffer.from([0, uid.length]), uid, Buffer.from([0, 1])]));
  const head = Buffer.concat([Buffer.from([0, 1, 0, 0]), ae(calledAe), ae(callingAe), Buffer.alloc(32)]);
  return pdu(pduTypes.request, Buffer.concat([head, applicationContext, context, userInformation(role)]));
}

export const associateReject = (result: number, source: number, reason: number) =>
  pdu(pduTypes.reject, Buffer.from([0, result, source, reason]));
export const abortPdu = (source: number, reason: number) => pdu(pduTypes.abort, Buffer.from([0, 0, source, reason]));
export const releaseRequest = () => pdu(pduTypes.releaseRequest, Buffer.alloc(4));
export const releaseAnswer = () => pdu(pduTypes.releaseAnswer, Buffer.alloc(4));

/** One message as P-DATA-TF, the command and the data set in PDUs of their own. */
export function dataPdus(contextId: number, command: Uint8Array, dataset?: Uint8Array): Buffer {
  const pdus: Buffer[] = [];
  const add = (bytes: Uint8Array, flag: number) => {
    const longest = 16_000;
    for (let at = 0; at === 0 || at < bytes.length; at += longest) {
      const piece = bytes.subarray(at, at + longest);
      const isLast = at + longest >= bytes.length;
      const head = Buffer.alloc(6);
      head.writeUInt32BE(piece.length + 2);
      head[4] = contextId;
      head[5] = flag | (isLast ? 2 : 0);
      pdus.push(pdu(pduTypes.data, Buffer.concat([head, piece])));
    }
  };
  add(command, 1);
  if (dataset) add(dataset, 0);
  return Buffer.concat(pdus);
}

/** A command set (PS3.7 6.3): implicit VR little endian with its group length. Texts are UIDs, numbers are US. */
export function commandBytes(elements: readonly (readonly [element: number, value: string | number])[]): Buffer {
  const body = Buffer.concat(
    elements.map(([element, value]) => {
      const bytes = typeof value === 'number' ? Buffer.alloc(2) : Buffer.from(value.length % 2 ? `${value}\0` : value);
      if (typeof value === 'number') bytes.writeUInt16LE(value);
      return commandElement(element, bytes);
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([commandElement(0, length), body]);
}

function commandElement(element: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(element, 2);
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

function readCommand(bytes: Buffer): CommandSet {
  const elements = new Map<number, Buffer>();
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    elements.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return elements;
}

export const numberIn = (command: CommandSet, element: number) => command.get(element)?.readUInt16LE(0) ?? 0;
export const uidIn = (command: CommandSet, element: number) =>
  (command.get(element)?.toString('latin1') ?? '').replace(/[\0 ]+$/, '');

export type ReadPdu =
  | { readonly type: 'message'; readonly message: DimseMessage }
  /** Some of a data set has come. */
  | { readonly type: 'progress'; readonly datasetBytes: number }
  | { readonly type: 'other'; readonly pduType: number; readonly body: Buffer };

/** PDUs of a socket, put together to messages. */
export async function* readPdus(socket: AsyncIterable<Buffer>): AsyncGenerator<ReadPdu> {
  let waiting = Buffer.alloc(0);
  let commandPieces: Buffer[] = [];
  let command: CommandSet | null = null;
  let pieces: Buffer[] = [];
  for await (const chunk of socket) {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 6 && waiting.length >= 6 + waiting.readUInt32BE(2)) {
      const pduType = waiting[0] as number;
      const body = waiting.subarray(6, 6 + waiting.readUInt32BE(2));
      waiting = waiting.subarray(6 + body.length);
      if (pduType !== pduTypes.data) {
        yield { type: 'other', pduType, body };
        continue;
      }
      for (let at = 0; at + 6 <= body.length; ) {
        const length = body.readUInt32BE(at);
        const contextId = body[at + 4] as number;
        const flags = body[at + 5] as number;
        const piece = body.subarray(at + 6, at + 4 + length);
        at += 4 + length;
        if (flags & 1) commandPieces.push(piece);
        else pieces.push(piece);
        if (flags === 3) {
          command = readCommand(Buffer.concat(commandPieces));
          commandPieces = [];
        }
        if (!(flags & 1)) yield { type: 'progress', datasetBytes: pieces.reduce((sum, one) => sum + one.length, 0) };
        const isWhole = flags & 1 ? flags === 3 && command && numberIn(command, 0x0800) === 0x0101 : flags === 2;
        if (!isWhole || !command) continue;
        const dataset = Buffer.concat(pieces);
        pieces = [];
        yield { type: 'message', message: { contextId, command, dataset } };
        command = null;
      }
    }
  }
}
