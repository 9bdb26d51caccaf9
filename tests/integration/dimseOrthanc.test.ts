import { describe, expect, it } from 'vitest';
import type { IncomingEvent } from '../../main/dicom/dimse/dimse.ts';
import { decodeDataset } from '../../main/dicom/readDataset.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import { rawDataSet } from '../../main/domains/imaging/testObjects.ts';
import { findFreePort, have, startOrthanc } from '../../scripts/services.ts';
import {
  ctImage,
  ctWish,
  echoWish,
  explicit,
  implicit,
  listen,
  open,
  plain,
  slice,
  study,
  studyFind,
  studyGet,
  studyKeys,
  until,
} from './dimsePeer.ts';

const commitment = '1.2.840.10008.1.20.1';
const commitmentInstance = '1.2.840.10008.1.20.1.1';

describe.skipIf(!have('orthanc'))('DIMSE with Orthanc (needs Orthanc)', () => {
  it('stores, finds, gets, is sent to, and has its objects committed to on an association that Orthanc opens', async () => {
    const events: IncomingEvent[] = [];
    const { acceptor, objects, reports, problems } = await listen({
      event: async (event) => {
        events.push(event);
      },
    });
    const orthanc = await startOrthanc({
      dicom: true,
      configuration: { DicomModalities: { salus: ['SALUS', '127.0.0.1', acceptor.port] } },
    });
    try {
      const peer = { port: orthanc.dicomPort ?? (await findFreePort()), aeTitle: orthanc.aeTitle };
      const query = { abstractSyntax: studyFind, transferSyntaxes: plain };
      const retrieve = { abstractSyntax: studyGet, transferSyntaxes: plain };
      const storage = { ...ctWish, role: { scu: true, scp: true } };
      const commit = { abstractSyntax: commitment, transferSyntaxes: plain };
      const association = await open(peer, [echoWish, storage, query, retrieve, commit]);
      expect((await association.echo()).status).toBe(0);
      for (const number of [1, 2]) {
        const sent = { sopClassUid: ctImage, sopInstanceUid: `${study}.1.${number}`, transferSyntaxUid: explicit };
        expect((await association.store({ ...sent, dataset: rawDataSet(slice(number)) })).status).toBe(0);
      }
      const found: unknown[] = [];
      for await (const { dataset, transferSyntaxUid } of association.find(studyFind, studyKeys)) {
        found.push(decodeDataset(dataset, transferSyntaxUid)['0020000D']?.Value?.[0]);
      }
      expect(found).toEqual([study]);
      const got: string[] = [];
      const status = await association.get(studyGet, studyKeys, async ({ sopInstanceUid, dataset }) => {
        let bytes = 0;
        for await (const part of dataset) bytes += part.length;
        expect(bytes).toBeGreaterThan(2048);
        got.push(sopInstanceUid);
        return { status: 0 };
      });
      expect(status.status).toBe(0);
      expect(got.sort()).toEqual([`${study}.1.1`, `${study}.1.2`]);

      const asked = [1, 2, 3].map((number) => ({
        '00081150': { vr: 'UI', Value: [ctImage] },
        '00081155': { vr: 'UI', Value: [`${study}.1.${number}`] },
      }));
      const wish = {
        sopClassUid: commitment,
        sopInstanceUid: commitmentInstance,
        actionType: 1,
        information: (transferSyntaxUid: string) =>
          encodeDataset(
            { '00081195': { vr: 'UI', Value: ['1.2.826.0.1.99'] }, '00081199': { vr: 'SQ', Value: asked } },
            transferSyntaxUid,
          ),
      };
      expect((await association.action(wish)).status).toBe(0);
      await until(() => events.length === 1);
      const [event] = events;
      // Event type 2: at least one could not be committed to (PS3.4 J.3.3.1.1).
      expect(event).toMatchObject({ sopClassUid: commitment, sopInstanceUid: commitmentInstance, eventType: 2 });
      const said = event && decodeDataset(event.information, event.transferSyntaxUid);
      const uids = (tag: string) =>
        (said?.[tag]?.Value ?? []).map((one) => (one as { '00081155': { Value: string[] } })['00081155'].Value[0]);
      expect(said?.['00081195']?.Value).toEqual(['1.2.826.0.1.99']);
      expect(uids('00081199')).toEqual([`${study}.1.1`, `${study}.1.2`]);
      expect(uids('00081198')).toEqual([`${study}.1.3`]);
      await association.release();

      const sent = await fetch(`${orthanc.url}/modalities/salus/store`, {
        method: 'POST',
        headers: orthanc.headers,
        body: JSON.stringify((await (await fetch(`${orthanc.url}/studies`)).json()) as string[]),
      });
      expect(sent.status).toBe(200);
      expect(objects.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual([`${study}.1.1`, `${study}.1.2`]);
      expect([explicit, implicit]).toContain(objects[0]?.transferSyntaxUid);
      await until(() => reports.some((report) => report.objects === 2));
      expect(problems).toEqual([]);
    } finally {
      await orthanc.stop();
      await acceptor.close();
    }
  });
});
