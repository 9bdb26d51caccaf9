import { onTestFinished } from 'vitest';
import type { DicomwebClient, StowObject, StowOutcome } from '../../../main/dicom/web/dicomweb.ts';
import { openDicomwebClient } from '../../../main/dicom/web/dicomwebClient.ts';
import { WebError, type WebOptions, type WebPeer } from '../../../main/dicom/web/webPeer.ts';
import { aSlice } from '../../../main/domains/imaging/testObjects.ts';
import { type BadWebBehaviour, type BadWebOptions, type BadWebPeer, startBadWebPeer } from './badWebPeer.ts';
import { readShelfObject } from './objectShelf.ts';

/** Five slices of one study, whose name must not be told by anything that goes wrong. */
export const studyUid = '1.2.826.0.1.77';
export const slices = [1, 2, 3, 4, 5].map((number) =>
  aSlice({ study: studyUid, sop: `${studyUid}.1.${number}`, number, name: 'Nobody^Known' }),
);
export const uids = slices.map((slice) => readShelfObject(slice).sopInstanceUid);
export const placeOf = (instanceUid = uids[0] as string) => ({ studyUid, seriesUid: `${studyUid}.1`, instanceUid });

/** Gives bytes in pieces, as a file would come. */
export async function* pieces(bytes: Uint8Array, size = 300): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export function toStow(bytes: Buffer, isLengthKnown = true): StowObject {
  const { sopClassUid, sopInstanceUid } = readShelfObject(bytes);
  return { sopClassUid, sopInstanceUid, byteLength: isLengthKnown ? bytes.length : null, open: () => pieces(bytes) };
}

/** A client that is closed when the test is over. */
export function openClient(peer: WebPeer, options?: WebOptions): DicomwebClient {
  const client = openDicomwebClient(peer, options);
  onTestFinished(() => client.close());
  return client;
}

/** A bad peer and a client of it, for the time of one test. */
export async function meetWebPeer(
  behaviour: BadWebBehaviour,
  input: { peer?: BadWebOptions; auth?: WebPeer['auth']; web?: WebOptions; trusts?: boolean } = {},
): Promise<{ peer: BadWebPeer; client: DicomwebClient }> {
  const peer = await startBadWebPeer(behaviour, input.peer);
  onTestFinished(peer.stop);
  const client = openClient(
    {
      baseUrl: peer.baseUrl,
      auth: input.auth ?? { method: 'none' },
      tls: { ca: input.trusts === false ? '' : peer.ca },
    },
    input.web,
  );
  return { peer, client };
}

export async function storeAll(client: DicomwebClient): Promise<StowOutcome[]> {
  const outcomes: StowOutcome[] = [];
  for await (const outcome of client.store(slices.map((slice) => toStow(slice)))) outcomes.push(outcome);
  return outcomes;
}

/** What went wrong. @throws Error when nothing did, or when it tells of the patient */
export async function webTroubleOf(work: Promise<unknown>): Promise<{ trouble: string } & Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof WebError)) throw error;
    const told = JSON.stringify([error.message, error.details]);
    if (told.includes(studyUid) || told.includes('Nobody')) throw new Error(`this tells too much: ${told}`);
    return { trouble: error.trouble, ...error.details };
  }
  throw new Error('nothing went wrong');
}
