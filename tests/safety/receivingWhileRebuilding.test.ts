import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import { rawDataSet } from '../../main/domains/imaging/testObjects.ts';
import { type CoreWithNodes, openCoreWithNodes } from '../integration/coreWithNodes.ts';
import { ctImage, explicit, slice, study } from '../integration/dimsePeer.ts';

/**
 * The hazard: the index is swapped under a receiver that goes on working with the old one. Objects answered with success
 * would be in neither, or the core would end over a database that is closed.
 */
describe('an index rebuilt while objects are received', () => {
  let station: CoreWithNodes;
  beforeAll(async () => {
    station = await openCoreWithNodes();
  });
  afterAll(() => station?.close());

  it('holds every object that was answered with success, and the core goes on', async () => {
    const { client } = station;
    await station.addDimse('CT', { host: '127.0.0.1', port: 104, aeTitle: 'CT1' });
    const before = await client.exchange.receiver();
    const receiver = await client.exchange.saveReceiver({ settings: { ...before.settings, enabled: true, port: 0 } });
    expect(receiver.state).toBe('listening');
    const acknowledged: string[] = [];
    const goOn = new AbortController();
    const sending = sendSlices(() => client.exchange.receiver(), acknowledged, goOn.signal);
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(20);
    const { jobId } = await client.storage.rebuildIndex();
    expect((await station.ended(jobId)).state).toBe('done');
    // The swap comes after the end of the job: the receiver of the new index listens on another port.
    const portNow = () =>
      client.exchange.receiver().then(
        ({ port }) => port,
        () => null,
      );
    await expect.poll(async () => ![receiver.port, null].includes(await portNow()), { timeout: 60_000 }).toBe(true);
    const atRebuild = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(atRebuild + 20);
    goOn.abort();
    await sending;
    const { series } = await client.imaging.getStudy({ studyUid: study });
    const listed = await Promise.all(
      series.map(({ seriesUid }) => client.imaging.listInstances({ studyUid: study, seriesUid })),
    );
    const here = new Set(listed.flat().map(({ sopUid }) => sopUid));
    expect(acknowledged.filter((sopUid) => !here.has(sopUid))).toEqual([]);
  });
});

/** Sends one slice after the other until told to stop, on a new association whenever one breaks off. */
async function sendSlices(
  receiver: () => Promise<{ port: number | null }>,
  acknowledged: string[],
  signal: AbortSignal,
): Promise<void> {
  let number = 0;
  while (!signal.aborted) {
    try {
      const { port } = await receiver();
      const association = await openAssociation({
        host: '127.0.0.1',
        port: port ?? 0,
        callingAe: 'CT1',
        calledAe: 'SALUS',
        contexts: [{ abstractSyntax: ctImage, transferSyntaxes: [explicit] }],
      });
      while (!signal.aborted) {
        number += 1;
        const sopInstanceUid = `${study}.1.${number}`;
        const { status } = await association.store({
          sopClassUid: ctImage,
          sopInstanceUid,
          transferSyntaxUid: explicit,
          dataset: rawDataSet(slice(number)),
        });
        if (status === 0) acknowledged.push(sopInstanceUid);
      }
      await association.release();
    } catch {
      // The listener is away while the index is swapped: a sender tries again.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
