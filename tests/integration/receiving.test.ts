import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeSampleStudies } from '../../main/domains/imaging/samples/makeSampleStudies.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { type Certificates, have, makeCertificates, programOf, startOrthanc } from '../../scripts/services.ts';
import { openReceivingStation, type ReceivingStation, storescu, until } from './peers/receivingStation.ts';

let folder: string;
let station: ReceivingStation;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-receiving-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  station = await openReceivingStation();
});
afterEach(() => station.close());

let written = 0;
/** Writes one file and returns where. */
function aFile(bytes: Uint8Array): string {
  written += 1;
  const path = join(folder, `${written}.dcm`);
  writeFileSync(path, bytes);
  return path;
}

const rows = () => station.receiver.associations({ offset: 0, limit: 100 }).rows;
const ended = (count: number) => until(rows, (found) => found.length >= count);
const instances = () =>
  station.t.test.store.reader.all<{ sop_uid: string; object_name: string }>(
    'SELECT sop_uid, object_name FROM instance',
  );

describe.skipIf(!have('dcmtk'))('the receiver (needs DCMTK)', { timeout: 90_000 }, () => {
  it('is off until somebody turns it on, and then takes nothing from strangers', async () => {
    expect(station.receiver.state()).toMatchObject({ state: 'off', port: null, settings: { host: '127.0.0.1' } });
    await station.listen();
    const file = aFile(aSlice());
    const stranger = await storescu(station.port, [file]);
    expect(stranger.output).toMatch(/Calling AE Title Not Recognized/);
    station.allow('MODALITY', '192.0.2.7');
    const elsewhere = await storescu(station.port, [file]);
    expect(elsewhere.output).toMatch(/Calling AE Title Not Recognized/);
    station.allow('MODALITY');
    const wrongCalled = await storescu(station.port, [file], { called: 'OTHER' });
    expect(wrongCalled.output).toMatch(/Called AE Title Not Recognized/);
    expect([stranger.code, elsewhere.code, wrongCalled.code]).not.toContain(0);
    expect(instances()).toEqual([]);
    expect((await ended(3)).map(({ ending, details }) => [ending, details['reason']])).toEqual([
      ['rejected', 7],
      ['rejected', 3],
      ['rejected', 3],
    ]);
    expect((await storescu(station.port, [file])).answers).toEqual(['Success']);
    await station.receiver.save(station.t.test.author, { ...station.receiver.state().settings, enabled: false });
    expect(station.receiver.state()).toMatchObject({ state: 'off', port: null, openAssociations: 0 });
  });

  it('keeps what storescu sends of the sample CT, every data set byte for byte, and shows it in the list', async () => {
    const files = [...makeSampleStudies({ only: ['chest-ct'], chestSlices: 40 })].map(({ bytes }) => aFile(bytes));
    const nodeId = station.allow('CT_ROOM_1');
    await station.listen();
    const sent = await storescu(station.port, files, { calling: 'CT_ROOM_1' });
    expect(sent.code, sent.output).toBe(0);
    expect(sent.answers).toEqual(files.map(() => 'Success'));
    expect(instances()).toHaveLength(files.length);
    const { rows: list } = await station.t.list();
    expect(list).toMatchObject([{ source: 'CT_ROOM_1', instanceCount: files.length, arriving: true }]);
    const [association] = await ended(1);
    expect(association).toMatchObject({
      channel: 'dimse',
      callingAe: 'CT_ROOM_1',
      calledAe: 'SALUS',
      address: '127.0.0.1',
      nodeId,
      ending: 'released',
      objects: files.length,
      duplicates: 0,
      conflicts: 0,
      refused: 0,
    });
    const entries = station.t.test.store.reader.all<{ detail: string }>(
      "SELECT detail FROM audit_entry WHERE action = 'exchange.receive'",
    );
    expect(entries).toHaveLength(1);
    expect(JSON.parse(entries[0]?.detail ?? '')).toMatchObject({ objects: files.length, node: nodeId });

    // What an export writes holds the very data sets that were sent.
    const out = join(folder, 'exported');
    mkdirSync(out);
    const study = list[0]?.studyUid ?? '';
    const job = station.t.imaging.startExport(station.t.test.author, { studyUid: study, directory: out } as never);
    expect(await station.t.test.store.jobs.finished(job)).toMatchObject({ state: 'done' });
    const exported = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'DICOMDIR')
      .map((entry) => join(entry.parentPath, entry.name));
    expect(datasets(exported)).toEqual(datasets(files));

    await until(
      async () => (await station.t.list()).rows[0]?.arriving,
      (arriving) => arriving === false,
    );
  });

  it('answers success to what it has, counts it, and keeps other bytes under the same number aside', async () => {
    station.allow('MODALITY');
    await station.listen();
    const slice = aSlice({ sop: '1.2.3.4.5', study: '1.2.3.4', value: 1 });
    const other = aSlice({ sop: '1.2.3.4.5', study: '1.2.3.4', value: 2 });
    const first = await storescu(station.port, [aFile(slice)]);
    const again = await storescu(station.port, [aFile(slice), aFile(other)]);
    expect([...first.answers, ...again.answers]).toEqual(['Success', 'Success', 'Success']);
    expect(await ended(2)).toMatchObject([
      { objects: 2, duplicates: 1, conflicts: 1 },
      { objects: 1, duplicates: 0, conflicts: 0 },
    ]);
    expect((await station.t.list()).rows).toMatchObject([{ instanceCount: 1, conflictCount: 1 }]);
  });

  it('knows what was imported from a file, whatever the file says of its writer', async () => {
    station.allow('MODALITY');
    await station.listen();
    const path = aFile(aSlice({ sop: '1.2.3.4.6', study: '1.2.3.4' }));
    await station.t.importPaths(path);
    expect((await storescu(station.port, [path])).answers).toEqual(['Success']);
    expect(await ended(1)).toMatchObject([{ objects: 1, duplicates: 1, conflicts: 0 }]);
    expect(instances()).toHaveLength(1);
  });

  it('takes a study that names two people as an import does: listed, never shown', async () => {
    station.allow('MODALITY');
    await station.listen();
    const study = '1.2.3.9';
    const sent = await storescu(station.port, [
      aFile(aSlice({ study, identifier: 'A', name: 'One^Person' })),
      aFile(aSlice({ study, identifier: 'B', name: 'Other^Somebody' })),
    ]);
    expect(sent.answers).toEqual(['Success', 'Success']);
    expect((await station.t.list()).rows).toMatchObject([{ identityConflict: true, instanceCount: 2 }]);
    expect(() => station.t.imaging.openStudy(study)).toThrow(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
  });

  it('answers an echo', async () => {
    station.allow('MODALITY');
    await station.listen();
    const { status, stderr } = spawnSync(
      programOf('echoscu'),
      ['-aet', 'MODALITY', '-aec', 'SALUS', '127.0.0.1', String(station.port)],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(await ended(1)).toMatchObject([{ ending: 'released', objects: 0 }]);
  });
});

/** What lies behind the file meta group of each file, as that group's own length says. */
function datasets(files: readonly string[]): string[] {
  return files
    .map((file) => {
      const bytes = readFileSync(file);
      const start = 144 + bytes.readUInt32LE(140);
      return bytes.subarray(start).toString('base64');
    })
    .sort();
}

describe.skipIf(!have('dcmtk', 'openssl'))('TLS (needs DCMTK and OpenSSL)', { timeout: 90_000 }, () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  }, 60_000);
  afterAll(() => certificates.remove());

  const pem = (path: string): string => readFileSync(path, 'utf8');
  const trusting = () => ['--add-cert-file', certificates.ca];
  const listenWithTls = (clientCa = '') =>
    station.listen(
      { tls: { enabled: true, certificate: pem(certificates.server.certificate), clientCa } },
      pem(certificates.server.key),
    );

  it('takes what comes over TLS, and nothing that comes without', async () => {
    station.allow('MODALITY');
    await listenWithTls();
    const files = [aFile(aSlice()), aFile(aSlice())];
    const sent = await storescu(station.port, files, { host: 'localhost', arguments: ['+tla', ...trusting()] });
    expect(sent.answers, sent.output).toEqual(['Success', 'Success']);
    const plain = await storescu(station.port, files);
    expect(plain.code).not.toBe(0);
    expect(instances()).toHaveLength(2);
    // The other side, too: a sender that does not trust our certificate sends nothing.
    const wary = await storescu(station.port, [aFile(aSlice())], {
      host: 'localhost',
      arguments: ['+tla', '--add-cert-file', certificates.strangerCa],
    });
    expect(wary.code).not.toBe(0);
    expect(instances()).toHaveLength(2);
  });

  it('asks for a certificate of its authority where that is set, and lets no other in', async () => {
    station.allow('MODALITY');
    await listenWithTls(pem(certificates.ca));
    const as = (identity: Certificates['client']) => ['+tls', identity.key, identity.certificate, ...trusting()];
    const known = await storescu(station.port, [aFile(aSlice())], {
      host: 'localhost',
      arguments: as(certificates.client),
    });
    expect(known.answers, known.output).toEqual(['Success']);
    for (const args of [as(certificates.stranger), ['+tla', ...trusting()]]) {
      const refused = await storescu(station.port, [aFile(aSlice())], { host: 'localhost', arguments: args });
      expect(refused.code, refused.output).not.toBe(0);
    }
    expect(instances()).toHaveLength(1);
    await until(rows, (found) => found.filter(({ ending }) => ending === 'tls').length >= 2);
  });

  it('binds a node to one certificate: another of the same authority, or none, does not get its title', async () => {
    const nodeId = station.allow('MODALITY');
    station.allow('OTHER');
    const { node } = station.nodes.get(nodeId);
    const bind = (receiveCertificate: string, baseVersion: number) =>
      station.nodes.save(station.t.test.author, {
        ...node,
        baseVersion,
        use: { ...node.use, receiveCertificate },
        secrets: {},
      });
    const { fingerprint256 } = new X509Certificate(pem(certificates.client.certificate));
    // As `openssl x509 -fingerprint -sha256` prints it, and as the certificate itself.
    const printed = bind(`sha256 Fingerprint=${fingerprint256.toLowerCase()}`, node.version);
    expect(printed.use.receiveCertificate).toBe(fingerprint256);
    const pasted = bind(pem(certificates.client.certificate), printed.version);
    expect(pasted.use.receiveCertificate).toBe(fingerprint256);
    expect(() => bind('AB:CD', pasted.version)).toThrow(expect.objectContaining({ code: 'exchange.badCertificate' }));

    await listenWithTls(pem(certificates.ca));
    const send = (calling: string, identity: Certificates['client']) =>
      storescu(station.port, [aFile(aSlice())], {
        calling,
        host: 'localhost',
        arguments: ['+tls', identity.key, identity.certificate, ...trusting()],
      });
    const known = await send('MODALITY', certificates.client);
    expect(known.answers, known.output).toEqual(['Success']);
    const impostor = await send('MODALITY', certificates.server);
    expect(impostor.code, impostor.output).not.toBe(0);
    // Whoever is bound to none may show any that the receiver trusts.
    const other = await send('OTHER', certificates.server);
    expect(other.answers, other.output).toEqual(['Success']);
    expect(instances()).toHaveLength(2);
    const logged = await until(rows, (found) => found.length === 3);
    const of = (title: string) => logged.filter(({ callingAe }) => callingAe === title);
    const refused = of('MODALITY').find(({ ending }) => ending === 'rejected');
    const shown = new X509Certificate(pem(certificates.server.certificate)).fingerprint256;
    expect(refused?.details).toMatchObject({ reason: 1, certificate: 'other', fingerprint: shown });
    // What was shown stands with what was accepted: that is how a certificate is taken over into a node.
    expect(of('MODALITY').find(({ ending }) => ending === 'released')?.details).toEqual({
      fingerprint: fingerprint256,
    });

    // Without TLS there is no certificate to be known by.
    await station.listen({ tls: { enabled: false, certificate: '', clientCa: '' } });
    const plain = await storescu(station.port, [aFile(aSlice())]);
    expect(plain.code, plain.output).not.toBe(0);
    await until(rows, (found) => found.some(({ details }) => details['certificate'] === 'none'));
    expect(instances()).toHaveLength(2);
  });

  it('says what is wrong with a certificate before anything listens', async () => {
    const { settings } = station.receiver.state();
    const save = (tls: (typeof settings)['tls'], key?: string) =>
      station.receiver.save(station.t.test.author, { ...settings, enabled: true, port: 0, tls }, key);
    const certificate = pem(certificates.server.certificate);
    await expect(save({ enabled: true, certificate: '', clientCa: '' })).rejects.toMatchObject({
      code: 'exchange.badCertificate',
    });
    await expect(save({ enabled: true, certificate, clientCa: '' })).rejects.toMatchObject({ code: 'exchange.badKey' });
    await expect(
      save({ enabled: true, certificate, clientCa: '' }, pem(certificates.client.key)),
    ).rejects.toMatchObject({ code: 'exchange.badKey' });
    expect(station.receiver.state()).toMatchObject({ state: 'off', hasPrivateKey: false });
  });
});

describe.skipIf(!have('orthanc'))('Orthanc as a sender (needs Orthanc)', { timeout: 90_000 }, () => {
  it('sends a study here, and asks whether we are there', async () => {
    station.allow('SALUSPEER');
    await station.listen();
    const orthanc = await startOrthanc({
      dicom: true,
      configuration: { DicomModalities: { salus: ['SALUS', '127.0.0.1', station.port] } },
    });
    try {
      const study = '1.2.30';
      for (let number = 1; number <= 15; number += 1) {
        const added = await fetch(`${orthanc.url}/instances`, {
          method: 'POST',
          body: new Uint8Array(aSlice({ sop: `${study}.${number}`, study })),
        });
        expect(added.status).toBe(200);
      }
      const echo = await fetch(`${orthanc.url}/modalities/salus/echo`, { method: 'POST', body: '{}' });
      expect(echo.status).toBe(200);
      const [id] = (await (await fetch(`${orthanc.url}/studies`)).json()) as string[];
      const sent = await fetch(`${orthanc.url}/modalities/salus/store`, { method: 'POST', body: id ?? '' });
      expect(await sent.json()).toMatchObject({ InstancesCount: 15, FailedInstancesCount: 0 });
      expect((await station.t.list()).rows).toMatchObject([
        { studyUid: study, instanceCount: 15, source: 'SALUSPEER' },
      ]);
    } finally {
      await orthanc.stop();
    }
  });
});

describe('where it listens', { timeout: 60_000 }, () => {
  it('says that a port is taken, and listens once it is free', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const { settings } = station.receiver.state();
    const state = await station.receiver.save(station.t.test.author, { ...settings, enabled: true, port });
    expect(state).toMatchObject({ state: 'failed', failure: 'exchange.portTaken', port: null });
    await new Promise((resolve) => holder.close(resolve));
    await until(
      () => station.receiver.state(),
      ({ state: now }) => now === 'listening',
    );
    expect(station.receiver.state()).toMatchObject({ port, failure: null });
  });

  it('says that an address is not of this machine, and that a folder to watch is not there', async () => {
    const { settings } = station.receiver.state();
    const save = (changes: object) => station.receiver.save(station.t.test.author, { ...settings, ...changes });
    expect(await save({ enabled: true, port: 0, host: '192.0.2.1' })).toMatchObject({
      state: 'failed',
      failure: 'exchange.addressUnknown',
    });
    await expect(save({ watchedFolders: [join(folder, 'absent')] })).rejects.toMatchObject({
      code: 'exchange.folderUnreadable',
    });
  });
});
