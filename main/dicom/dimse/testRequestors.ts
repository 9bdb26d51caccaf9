/** For tests only: raw servers that an association of ours is opened with. */
import type { Command } from './commandSet.ts';
import type { AssociationWish, DimseTimes, RequestedAssociation } from './dimse.ts';
import { DimseError } from './dimse.ts';
import { openAssociation } from './openAssociation.ts';
import { ctImage, implicit, type RawPeer, rawAccept, rawServer, verification } from './testConnections.ts';

const servers: { close(): Promise<void> }[] = [];
/** For `afterEach`. */
export async function closeServers(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.close()));
}

export const contexts = [
  { abstractSyntax: verification, transferSyntaxes: [implicit] },
  { abstractSyntax: ctImage, transferSyntaxes: [implicit], role: { scu: true, scp: true } },
];

export function dial(port: number, times: Partial<DimseTimes> = {}, more: Partial<AssociationWish> = {}) {
  return openAssociation({
    ...{ host: '127.0.0.1', port, callingAe: 'SALUS', calledAe: 'RAW', contexts, times },
    ...more,
  });
}

export async function serve(act: (peer: RawPeer) => void): Promise<number> {
  const server = await rawServer(act);
  servers.push(server);
  return server.port;
}

/** A peer that accepts both contexts and then does `act`; what came after the request is `since`. */
export async function accepted(
  act: (peer: RawPeer, next: (bytes: number) => Promise<Buffer>) => Promise<void> | void,
  times: Partial<DimseTimes> = {},
  more: Partial<AssociationWish> = {},
): Promise<RequestedAssociation> {
  const port = await serve(async (peer) => {
    await peer.until(100);
    let seen = peer.received().length;
    peer.socket.write(rawAccept([1, 3]));
    await act(peer, async (bytes) => {
      const all = await peer.until(seen + bytes);
      const next = all.subarray(seen);
      seen = all.length;
      return next;
    });
  });
  return dial(port, times, more);
}

export const answer = (field: number, more: Partial<Command> = {}): Command => ({
  commandField: field | 0x8000,
  respondedTo: 1,
  status: 0,
  hasDataset: false,
  ...more,
});

export async function troubleOf(tried: Promise<unknown>): Promise<DimseError> {
  const problem = await tried.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(problem instanceof DimseError)) throw new Error('no DimseError', { cause: problem });
  return problem;
}
