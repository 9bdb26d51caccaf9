/** For tests only: the other end of an association as raw bytes, which can be wrong in any way a test needs. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { encodeAssociateAccept, encodeAssociateRequest } from './associatePdus.ts';
import { type Command, encodeCommand } from './commandSet.ts';
import { encodePdu, pduTypes } from './pduCodec.ts';

export const verification = '1.2.840.10008.1.1';
export const ctImage = '1.2.840.10008.5.1.4.1.1.2';
export const implicit = '1.2.840.10008.1.2';

const user = {
  maxPduBytes: 16_384,
  implementationClassUid: '1.2.3',
  implementationVersion: 'RAW',
  roles: new Map<string, { scu: boolean; scp: boolean }>(),
};
const titles = { callingAe: 'RAW', calledAe: 'SALUS' };

/** Context 1 is verification, 3 CT storage. */
export function rawRequest(): Buffer {
  const contexts = [verification, ctImage].map((abstractSyntax, index) => ({
    id: 2 * index + 1,
    abstractSyntax,
    transferSyntaxes: [implicit],
  }));
  return encodeAssociateRequest({ ...titles, contexts, user });
}

/** Accepts the contexts of `ids` in implicit VR little endian, CT storage in both roles. */
export function rawAccept(ids: readonly number[], maxPduBytes = 16_384): Buffer {
  const roles = new Map([[ctImage, { scu: true, scp: true }]]);
  const contexts = ids.map((id) => ({ id, result: 0, transferSyntax: implicit }));
  return encodeAssociateAccept({ ...titles, contexts, user: { ...user, maxPduBytes, roles } });
}

/** One P-DATA-TF with one fragment; `control` bit 0 says command, bit 1 last. */
export function rawData(contextId: number, control: number, fragment: Uint8Array): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt32BE(fragment.length + 2);
  header[4] = contextId;
  header[5] = control;
  return encodePdu(pduTypes.data, Buffer.concat([header, fragment]));
}

export function rawCommand(contextId: number, command: Command): Buffer {
  return rawData(contextId, 3, encodeCommand(command));
}

export const echoRequest: Command = {
  commandField: 0x0030,
  messageId: 1,
  affectedClassUid: verification,
  hasDataset: false,
};
export const storeRequest: Command = {
  commandField: 0x0001,
  messageId: 1,
  priority: 0,
  affectedClassUid: ctImage,
  affectedInstanceUid: '1.2.3.4',
  hasDataset: true,
};

export interface RawPeer {
  readonly socket: Socket;
  /** What came so far. */
  received(): Buffer;
  /** Resolves once `count` bytes came, or the connection ended. */
  until(count: number): Promise<Buffer>;
  /** Resolves with all that came once the other side closed. */
  closed(): Promise<Buffer>;
}

export function rawPeer(socket: Socket): RawPeer {
  const parts: Buffer[] = [];
  let ended = false;
  const wakes: (() => void)[] = [];
  const wake = () => {
    for (const one of wakes.splice(0)) one();
  };
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    wake();
  });
  // A reset is one of the ways in which the other side may end.
  socket.on('error', () => wake());
  socket.on('close', () => {
    ended = true;
    wake();
  });
  const received = () => Buffer.concat(parts);
  const when = async (done: () => boolean) => {
    while (!done()) await new Promise<void>((resolve) => wakes.push(resolve));
    return received();
  };
  return {
    socket,
    received,
    until: (count) => when(() => ended || received().length >= count),
    closed: () => when(() => ended),
  };
}

export async function rawClient(port: number): Promise<RawPeer> {
  const socket = connect(port, '127.0.0.1');
  const peer = rawPeer(socket);
  await once(socket, 'connect');
  return peer;
}

/** A server that gives each connection to `serve`. */
export async function rawServer(serve: (peer: RawPeer) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    serve(rawPeer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
