/** For tests only: acceptors of ours, and what a raw client sees of them. */
import type { Acceptor, AcceptorInput, AssociationReport } from './dimse.ts';
import { startAcceptor } from './startAcceptor.ts';
import { implicit, type RawPeer, rawClient, rawRequest } from './testConnections.ts';

const acceptors: Acceptor[] = [];

/** For `afterEach`. */
export async function closeAcceptors(): Promise<void> {
  await Promise.all(acceptors.splice(0).map((acceptor) => acceptor.close(0)));
}

/** An acceptor that takes everything in implicit VR little endian, and what it took and heard. */
export async function listen(more: Partial<AcceptorInput> = {}) {
  const reports: AssociationReport[] = [];
  const problems: { problem: unknown; where: string }[] = [];
  const taken: number[] = [];
  const acceptor = await startAcceptor({
    host: '127.0.0.1',
    port: 0,
    answer: () => ({ accept: true, transferSyntaxesOf: () => [implicit] }),
    async take(object) {
      let bytes = 0;
      for await (const part of object.dataset) bytes += part.length;
      taken.push(bytes);
      return { status: 0 };
    },
    ended: (report) => reports.push(report),
    failed: (problem, where) => problems.push({ problem, where }),
    ...more,
  });
  acceptors.push(acceptor);
  return { acceptor, reports, problems, taken };
}

export async function reported(reports: readonly AssociationReport[], count = 1): Promise<AssociationReport> {
  const deadline = Date.now() + 20_000;
  while (reports.length < count) {
    if (Date.now() > deadline) throw new Error('no report came');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return reports[count - 1] as AssociationReport;
}

/** A client whose association was accepted. */
export async function associate(port: number): Promise<RawPeer> {
  const peer = await rawClient(port);
  peer.socket.write(rawRequest());
  if ((await peer.until(100))[0] !== 2) throw new Error('not accepted');
  return peer;
}

/** The A-ABORT with which what came ends. */
export const abortAtEnd = (bytes: Buffer) => [...bytes.subarray(-10)];

export const abortPdu = (source: number, reason: number) => [7, 0, 0, 0, 0, 4, 0, 0, source, reason];
