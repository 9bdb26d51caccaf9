import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readHeader } from '../../main/dicom/part10.ts';
import { attemptDimse } from '../../main/domains/exchange/sending/attemptDimse.ts';
import { fillInstances } from '../../main/domains/exchange/sending/deliveryProgress.ts';
import { fromBytes } from '../../main/domains/exchange/sending/objectSource.ts';
import type { AttemptOrder, SendItem } from '../../main/domains/exchange/sending/sendMessages.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, type Orthanc, startOrthanc } from '../../scripts/services.ts';
import { startBadDimsePeer } from './peers/badDimsePeer.ts';
import { openSendingStation, type SendingStation } from './peers/sendingStation.ts';

const canaries = ['CANARY', 'Canary', '19730417', 'Rue du Serin', '0477123456', '1.2.826.0.1.777'];
const study = '1.2.826.0.1.777.5';

/** A CT with a name wherever one may be, a dose page among its slices. */
function slices(count: number, facts: Parameters<typeof aSlice>[0] = {}): Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    aSlice({
      ...{ study, series: `${study}.1`, sop: `${study}.1.${index + 1}`, number: index + 1, value: 100 + index },
      ...{ name: 'CANARY^Anne', identifier: 'CANARY-77', birthDate: '19730417' },
      ...facts,
      more: {
        '00080050': ['SH', 'CANARY9'],
        '00080080': ['LO', 'Canary Hospital'],
        '00080081': ['ST', 'Rue du Serin 4'],
        '00080090': ['PN', 'CANARY^Doctor'],
        '00090010': ['LO', 'CANARY CREATOR'],
        '00091001': ['LO', 'CANARY private'],
        '00102154': ['SH', '0477123456'],
        '00104000': ['LT', 'Canary came on 19730417'],
        ...facts.more,
      },
    }),
  );
}

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))(
  'a study sent without its person (needs Orthanc)',
  { timeout: 120_000 },
  () => {
    let orthanc: Orthanc;
    let station: SendingStation;
    beforeAll(async () => {
      orthanc = await startOrthanc({ dicom: true, configuration: { DicomAlwaysAllowFind: true } });
      station = await openSendingStation({ times: {} });
      await station.importFiles(
        ...slices(3),
        ...slices(1, { sop: `${study}.1.9`, number: 9, more: { '00280301': ['CS', 'YES'] } }),
      );
    }, 120_000);
    afterAll(async () => {
      await station?.close();
      await orthanc?.stop();
    });

    const outgoing = (deliveryId: string) => station.get(deliveryId).rows;

    it.each(['DIMSE', 'STOW'])('arrives over %s under other UIDs, proven, and names nobody', async (way) => {
      const nodeId =
        way === 'DIMSE'
          ? station.addDimse({ host: '127.0.0.1', port: orthanc.dicomPort ?? 0, aeTitle: orthanc.aeTitle })
          : station.addWeb(orthanc.dicomWebUrl);
      const { author } = station.station.t.test;
      const asked = station.deliveries.send(author, {
        ...{ nodeId, studyUid: study, seriesUids: [], reportId: null },
        deidentify: true,
      });
      expect(asked.deidentified).toBe(true);
      const settled = await station.settled(asked.deliveryId, 90_000);
      expect(settled).toMatchObject({ proven: 3, refused: 1, keptBack: 1, deidentified: true });
      const rows = outgoing(asked.deliveryId);
      expect(rows.find(({ storedUid }) => storedUid === `${study}.1.9`)).toMatchObject({
        ...{ state: 'refused', code: 'exchange.notDeidentifiable', reason: 'burnedIn' },
      });
      for (const { storedUid, sopUid } of rows) {
        expect(storedUid).toContain(study);
        expect(sopUid).toMatch(/^2\.25\.\d+$/);
      }
      const proven = rows.filter(({ state }) => state === 'proven').map(({ sopUid }) => sopUid);
      const listed = (await (
        await fetch(`${orthanc.url}/tools/find`, {
          method: 'POST',
          headers: orthanc.headers,
          body: JSON.stringify({ Level: 'Instance', Query: { SOPInstanceUID: proven.join('\\') } }),
        })
      ).json()) as string[];
      expect(listed).toHaveLength(3);
      const values = new Set<string>();
      for (const id of listed) {
        const tags = await (await fetch(`${orthanc.url}/instances/${id}/tags`, { headers: orthanc.headers })).text();
        const file = Buffer.from(
          await (await fetch(`${orthanc.url}/instances/${id}/file`, { headers: orthanc.headers })).arrayBuffer(),
        );
        for (const canary of canaries) {
          expect(tags).not.toContain(canary);
          expect(file.includes(canary, 0, 'latin1'), canary).toBe(false);
        }
        const header = readHeader(file);
        expect(header?.pixelData).not.toBeNull();
        const { offset, length } = header?.pixelData ?? { offset: 0, length: 0 };
        values.add(
          createHash('sha256')
            .update(file.subarray(offset, offset + length))
            .digest('hex'),
        );
        expect(tags).toMatch(/"PatientIdentityRemoved"[\s\S]*?"YES"/);
      }
      const here = slices(3).map((file) =>
        createHash('sha256')
          .update(file.subarray(file.length - 128))
          .digest('hex'),
      );
      expect([...values].sort()).toEqual(here.sort());
    });

    it('has the same UIDs and the same pseudonym each time, and nothing else arrived', async () => {
      const { author } = station.station.t.test;
      const uids: string[][] = [];
      for (const nodeId of [
        station.addDimse({ host: '127.0.0.1', port: orthanc.dicomPort ?? 0, aeTitle: orthanc.aeTitle }),
        station.addWeb(orthanc.dicomWebUrl),
      ]) {
        const asked = station.deliveries.send(author, {
          ...{ nodeId, studyUid: study, seriesUids: [], reportId: null },
          deidentify: true,
        });
        expect(await station.settled(asked.deliveryId, 90_000)).toMatchObject({ proven: 3, refused: 1 });
        uids.push(outgoing(asked.deliveryId).map(({ sopUid }) => sopUid));
      }
      expect(uids[1]).toEqual(uids[0]);
      const patients = (await (await fetch(`${orthanc.url}/patients?expand`, { headers: orthanc.headers })).json()) as {
        MainDicomTags: Record<string, string>;
        Studies: string[];
      }[];
      expect(patients).toHaveLength(1);
      expect(patients[0]?.MainDicomTags['PatientID']).toMatch(/^[0-9A-Z]{16}$/);
      expect(patients[0]?.MainDicomTags['PatientName']).toBe(patients[0]?.MainDicomTags['PatientID']);
      expect(patients[0]?.Studies).toHaveLength(1);
    });
  },
);

describe('a delivery without the person', { timeout: 90_000 }, () => {
  let station: SendingStation;
  beforeEach(async () => {
    station = await openSendingStation();
    await station.importFiles(...slices(4));
  });
  afterEach(() => station.close());

  const send = (nodeId: string) =>
    station.deliveries.send(station.station.t.test.author, {
      ...{ nodeId, studyUid: study, seriesUids: [], reportId: null },
      deidentify: true,
    }).deliveryId;

  it('asks for the commitment to, and looks for, the UIDs under which it left', async () => {
    const peer = await startBadDimsePeer('good');
    try {
      const deliveryId = send(station.addDimse(peer));
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 4 });
    } finally {
      await peer.stop();
    }
  });

  it('is of images: what is none is neither counted nor tried, and alone is nothing to send', async () => {
    const noPixels = { '7FE00010': null, '00280010': null, '00280011': null, '00280100': null } as const;
    const report = { '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.88.11'], '00080060': ['CS', 'SR'] } as const;
    const series = `${study}.7`;
    await station.importFiles(...slices(1, { series, sop: `${series}.1`, more: { ...noPixels, ...report } }));
    const peer = await startBadDimsePeer('good');
    try {
      const nodeId = station.addDimse(peer);
      const ask = (seriesUids: readonly string[], deidentify: boolean) =>
        station.deliveries.send(station.station.t.test.author, {
          ...{ nodeId, studyUid: study, seriesUids, reportId: null, deidentify },
        });
      expect(() => ask([series], true)).toThrow(expect.objectContaining({ code: 'exchange.nothingToSend' }));
      const named = ask([], false);
      expect(named.instances).toBe(5);
      await station.settled(named.deliveryId);
      const asked = [ask([], true), ask([`${study}.1`, series], true)];
      for (const { deliveryId, instances, bytes } of asked) {
        expect(instances).toBe(4);
        expect(bytes).toBeLessThan(named.bytes);
        const settled = await station.settled(deliveryId);
        expect(settled).toMatchObject({ instances: 4, proven: 4, refused: 0, keptBack: 0, bytes });
        expect(settled.rows.map(({ storedUid }) => storedUid)).not.toContain(`${series}.1`);
      }
    } finally {
      await peer.stop();
    }
  });

  it('has a UID made for each of its instances and one for their series', () => {
    const deliveryId = send(station.addDimse({ host: '127.0.0.1', port: 104, aeTitle: 'PEER' }));
    const { store, author } = station.station.t.test;
    const rows = store.reader.all<{ row: number }>('SELECT instance_row AS row FROM instance');
    const made: string[] = [];
    store.gate.append(author, (tx) =>
      fillInstances(
        tx,
        deliveryId,
        rows.map(({ row }) => row),
        0,
        (uid) => `2.25.${made.push(uid)}`,
      ),
    );
    expect(made.toSorted()).toEqual([`${study}.1`, ...[1, 2, 3, 4].map((number) => `${study}.1.${number}`)]);
  });

  it('lays the death of its thread on the object that is being read, not on the one that is on its way', async () => {
    const explicit = '1.2.840.10008.1.2.1';
    const sopClassUid = '1.2.840.10008.5.1.4.1.1.2';
    const files = [1, 2, 3].map((number) => aSlice({ study, sop: `${study}.1.${number}`, number }));
    const items = files.map(
      (file, position): SendItem => ({
        ...{ position, sopUid: `${study}.1.${position + 1}`, storedUid: null, sopClassUid, seriesUid: `${study}.1` },
        ...{ transferSyntaxUid: explicit, objectName: '', bytes: file.length, transcodedTo: null, isDuplicate: 0 },
      }),
    );
    const peer = await startBadDimsePeer('good');
    const order = {
      ...{ known: station.station.nodes.get(station.addDimse(peer)), ownAe: 'SALUS', studyUid: study, trial: false },
      ...{ kinds: [{ sopClassUid, transferSyntaxUid: explicit }], identity: { kind: 'kept' }, times: {} },
      ...{ asksCommitment: false, awaitsCommitment: false, readsBack: false },
    } as unknown as AttemptOrder;
    let busy = -1;
    let pages = 0;
    const read: (readonly [number, number])[] = [];
    const answered: (readonly [number, number])[] = [];
    const end = await attemptDimse(order, {
      objects: {
        read(item) {
          read.push([item.position, busy]);
          const file = files[item.position] as Buffer;
          return fromBytes(file.subarray(144 + file.readUInt32LE(140)), explicit);
        },
        native: () => Promise.resolve(null),
        reasonOf: () => null,
      },
      signal: new AbortController().signal,
      ask: ((question: { kind: string }) => {
        if (question.kind !== 'queued') return Promise.resolve(question.kind === 'hasNew' ? false : []);
        pages += 1;
        return Promise.resolve(pages === 1 ? items : []);
      }) as never,
      result: ({ position }) => void answered.push([position, busy]),
      learned: () => undefined,
      busyWith(item) {
        busy = item?.position ?? -1;
      },
    }).finally(() => peer.stop());
    expect(end.trouble).toBeNull();
    const each = [0, 1, 2].map((position) => [position, position]);
    expect(read).toEqual(each);
    expect(answered).toEqual(each);
    expect(busy).toBe(-1);
  });

  it('is not asked for a report, which names the person', () => {
    const nodeId = station.addDimse({ host: '127.0.0.1', port: 104, aeTitle: 'PEER' });
    expect(() =>
      station.deliveries.send(station.station.t.test.author, {
        ...{ nodeId, studyUid: study, seriesUids: [], reportId: station.station.t.test.store.newId() },
        deidentify: true,
      }),
    ).toThrow(expect.objectContaining({ code: 'exchange.reportNamesPatient' }));
  });
});
