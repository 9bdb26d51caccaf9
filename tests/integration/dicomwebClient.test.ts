import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DicomwebClient, DicomwebSearch, StowObject, StowOutcome } from '../../main/dicom/web/dicomweb.ts';
import { openDicomwebClient } from '../../main/dicom/web/dicomwebClient.ts';
import { digestObject } from '../../main/dicom/web/objectDigest.ts';
import { WebError, type WebPeer } from '../../main/dicom/web/webPeer.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, type Orthanc, startOrthanc } from '../../scripts/services.ts';
import { makeAuthority } from './peers/madeCertificates.ts';
import { readShelfObject } from './peers/objectShelf.ts';

const people = [
  'Lefèvre^Anne',
  'Müller^Jörg',
  'Østergård^Åse',
  'Yamada^Tarou=山田^太郎=やまだ^たろう',
  'Dupont^Éloïse',
];

/** One study for each of the people, three slices each. */
const objects = people.flatMap((name, person) =>
  [1, 2, 3].map((number) => {
    const study = `1.2.826.0.1.4${person}`;
    return aSlice({
      study,
      sop: `${study}.1.${number}`,
      number,
      name,
      identifier: `P-${person}`,
      value: 10 * person + number,
    });
  }),
);

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function toStow(bytes: Buffer, isLengthKnown = true): StowObject {
  const { sopClassUid, sopInstanceUid } = readShelfObject(bytes);
  return { sopClassUid, sopInstanceUid, byteLength: isLengthKnown ? bytes.length : null, open: () => pieces(bytes) };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function troubleOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await work.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (!(error instanceof WebError)) throw new Error('no trouble of the web');
  return { trouble: error.trouble, ...error.details };
}

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))('DICOMweb with Orthanc (needs Orthanc)', () => {
  let orthanc: Orthanc;
  let client: DicomwebClient;
  const auth = { method: 'basic', userName: 'tester', password: 'a passphrase, häßlich' } as const;

  beforeAll(async () => {
    orthanc = await startOrthanc({ credentials: { name: auth.userName, password: auth.password } });
    client = openDicomwebClient({ baseUrl: orthanc.dicomWebUrl, auth });
  });
  afterAll(async () => {
    client?.close();
    await orthanc?.stop();
  });

  const find = async (search: DicomwebSearch, tag: string) => {
    const found = await collect(client.search(search));
    return found.map((dataset) => dataset[tag]?.Value?.[0]).sort();
  };

  it('stores objects, in several requests, and takes its word for each', async () => {
    const outcomes: StowOutcome[] = await collect(
      client.store(
        objects.map((bytes, index) => toStow(bytes, index % 5 !== 0)),
        { requestObjects: 4 },
      ),
    );
    expect(outcomes.map(({ outcome, httpStatus }) => [outcome, httpStatus])).toEqual(
      objects.map(() => ['stored', 200]),
    );
    expect(await client.probe()).toMatchObject({ status: 200, certificate: null });
  });

  it('tells what it refuses: something that is no DICOM, and an object of another study', async () => {
    const noDicom: StowObject = {
      ...toStow(objects[0] as Buffer),
      byteLength: 5000,
      open: () => pieces(Buffer.alloc(5000, 'x')),
    };
    expect(await troubleOf(collect(client.store([noDicom])))).toEqual({ trouble: 'refused', status: 400 });
    const elsewhere = client.store([toStow(objects[0] as Buffer)], { studyUid: '1.2.3.4' });
    expect(await troubleOf(collect(elsewhere))).toEqual({ trouble: 'refused', status: 409 });
  });

  it('finds by name whatever its letters, by wildcard, date and number, page by page', async () => {
    const all = people.map((_name, person) => `1.2.826.0.1.4${person}`);
    expect(await find({ level: 'studies', pageSize: 2 }, '0020000D')).toEqual(all);
    expect(await find({ level: 'studies', match: { PatientName: 'Østerg*' } }, '0020000D')).toEqual([all[2]]);
    expect(await find({ level: 'studies', match: { PatientName: '*Éloïse' } }, '0020000D')).toEqual([all[4]]);
    expect(await find({ level: 'studies', match: { PatientName: 'Lefèvre^Anne' } }, '0020000D')).toEqual([all[0]]);
    expect(await find({ level: 'studies', match: { PatientName: 'M?ller*' } }, '0020000D')).toEqual([all[1]]);
    expect(await find({ level: 'studies', match: { PatientName: 'Lefèvre^B*' } }, '0020000D')).toEqual([]);
    expect(await find({ level: 'studies', match: { PatientID: 'P-?' } }, '0020000D')).toEqual(all);
    expect(await find({ level: 'studies', match: { '00100020': 'P-3' } }, '0020000D')).toEqual([all[3]]);
    expect(await find({ level: 'studies', match: { StudyDate: '20260228-20260302' } }, '0020000D')).toEqual(all);
    expect(await find({ level: 'studies', match: { StudyDate: '20250101-20251231' } }, '0020000D')).toEqual([]);
    const names = await collect(client.search({ level: 'studies', includeFields: ['PatientName'] }));
    const alphabetic = names.map((dataset) => {
      const first = dataset['00100010']?.Value?.[0] as { Alphabetic?: string } | undefined;
      return first?.Alphabetic;
    });
    expect(alphabetic.sort()).toEqual(people.map((name) => name.split('=')[0] as string).sort());
    const [study] = all;
    expect(await find({ level: 'series', studyUid: study as string }, '0020000E')).toEqual([`${study}.1`]);
    expect(await find({ level: 'instances', studyUid: study as string, pageSize: 1 }, '00080018')).toEqual(
      [1, 2, 3].map((number) => `${study}.1.${number}`),
    );
  });

  it('gives back each object with the data set byte for byte as it was sent', async () => {
    const sent = new Map<string, string>();
    for (const bytes of objects) {
      const digest = await digestObject(pieces(bytes));
      sent.set(digest.sopInstanceUid, digest.datasetSha256);
    }
    for (const [person] of people.entries()) {
      const studyUid = `1.2.826.0.1.4${person}`;
      let count = 0;
      for await (const object of client.retrieve({ studyUid })) {
        const digest = await digestObject(object.bytes);
        expect(digest.datasetSha256).toBe(sent.get(digest.sopInstanceUid));
        count += 1;
      }
      expect(count).toBe(3);
    }
    const place = { studyUid: '1.2.826.0.1.41', seriesUid: '1.2.826.0.1.41.1', instanceUid: '1.2.826.0.1.41.1.2' };
    const back = await client.readBack(place);
    expect(back).toMatchObject({
      datasetSha256: sent.get(place.instanceUid),
      sopInstanceUid: place.instanceUid,
      rows: 8,
    });
    expect(back.pixelsSha256).not.toBeNull();
    expect(await troubleOf(client.readBack({ ...place, instanceUid: '1.2.3' }))).toMatchObject({ trouble: 'notFound' });
    const metadata = await client.metadata({ studyUid: place.studyUid });
    expect(metadata.length).toBe(3);
    expect(metadata[0]?.['00280010']).toEqual({ vr: 'US', Value: [8] });
  });

  it('breaks off in the middle of a study and can be asked again', async () => {
    for await (const object of client.retrieve({ studyUid: '1.2.826.0.1.40' })) {
      for await (const chunk of object.bytes) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      break;
    }
    expect((await client.probe()).status).toBe(200);
  });

  it('says that the password is wrong', async () => {
    const stranger = openDicomwebClient({ baseUrl: orthanc.dicomWebUrl, auth: { ...auth, password: 'wrong' } });
    expect(await troubleOf(stranger.probe())).toEqual({ trouble: 'unauthorized', status: 401, asks: 'Basic' });
    stranger.close();
  });

  describe('behind TLS', () => {
    const authority = makeAuthority('Hospital Authority');
    const servers: Server[] = [];

    /** TLS in front of Orthanc, as a hospital's proxy is: bytes go through as they are. */
    async function startProxy(how: Parameters<typeof authority.issue>[0], asksClient = false): Promise<string> {
      const identity = authority.issue(how);
      const server = createServer({
        cert: identity.certificate,
        key: identity.key,
        ca: authority.ca,
        requestCert: asksClient,
        rejectUnauthorized: asksClient,
      });
      // Only the TLS of the server is used: what it decrypts goes to Orthanc.
      server.removeAllListeners('secureConnection').on('secureConnection', (socket) => {
        const behind = connect(orthanc.httpPort, '127.0.0.1');
        socket.pipe(behind).pipe(socket);
        socket.on('error', () => behind.destroy()).on('close', () => behind.destroy());
        behind.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`;
    }
    const open = (baseUrl: string, tls: WebPeer['tls'] = { ca: authority.ca }) => {
      const opened = openDicomwebClient({ baseUrl, auth, ...(tls ? { tls } : {}) });
      opens.push(opened);
      return opened;
    };
    const opens: DicomwebClient[] = [];
    afterAll(async () => {
      for (const opened of opens) opened.close();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    });

    it('trusts the authority of the hospital, and nobody without it', async () => {
      const baseUrl = await startProxy({ commonName: 'proxy' });
      expect((await open(baseUrl).probe()).certificate).toMatchObject({
        subject: 'proxy',
        issuer: 'Hospital Authority',
      });
      const outcomes = await collect(open(baseUrl).store(objects.map((bytes) => toStow(bytes))));
      expect(outcomes.every(({ outcome }) => outcome === 'stored' || outcome === 'warned')).toBe(true);
      expect(await troubleOf(open(baseUrl, {}).probe())).toMatchObject({ trouble: 'tls', reason: 'unknownIssuer' });
    });

    it('refuses a certificate that has expired or is for another host, and says which', async () => {
      const ended = Date.UTC(2024, 5, 1);
      const expired = await startProxy({ commonName: 'old', validFromMs: Date.UTC(2023, 5, 1), validToMs: ended });
      expect(await troubleOf(open(expired).probe())).toMatchObject({
        trouble: 'tls',
        reason: 'expired',
        validToMs: ended,
      });
      const other = await startProxy({ commonName: 'other', names: ['pacs.example'] });
      expect(await troubleOf(open(other).probe())).toMatchObject({ trouble: 'tls', reason: 'wrongName' });
    });

    it('shows its own certificate to a proxy that asks for one', async () => {
      const baseUrl = await startProxy({ commonName: 'strict' }, true);
      expect(await troubleOf(open(baseUrl).probe())).toMatchObject({ trouble: 'tls', reason: 'clientCertificate' });
      const own = authority.issue({ commonName: 'workstation', names: [] });
      const known = open(baseUrl, { ca: authority.ca, certificate: own.certificate, key: own.key });
      expect((await known.probe()).status).toBe(200);
    });
  });
});
