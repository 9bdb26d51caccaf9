import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../../app/domains/exchange/exchangeSchema.ts';
import { openElements, textOf } from '../../main/dicom/elementValues.ts';
import { readHeader } from '../../main/dicom/part10.ts';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { findFreePort, have, type Orthanc, startOrthanc } from '../../scripts/services.ts';
import { password, signIn } from '../contract/openTestCore.ts';
import { type CoreWithNodes, openCoreWithNodes, runProgram, storeWithDcmtk } from './coreWithNodes.ts';

const instances = [...syntheticInstances({ count: 6, perSeries: 3, rows: 32, columns: 32, seed: 'loop' })];
const { studyUid } = instances[0] as SyntheticInstance;
const encapsulatedPdf = '1.2.840.10008.5.1.4.1.1.104.1';

describe.skipIf(!have('dcmtk', 'orthanc', 'orthanc-dicomweb'))('the full loop (needs DCMTK and Orthanc)', () => {
  let reading: CoreWithNodes;
  let elsewhere: CoreWithNodes;
  let orthanc: Orthanc;
  let folder: string;
  let port: number;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'salus-loop-'));
    port = await findFreePort();
    [reading, elsewhere, orthanc] = await Promise.all([
      openCoreWithNodes(),
      openCoreWithNodes(),
      startOrthanc({
        dicom: true,
        configuration: {
          ...{ DicomAlwaysAllowFind: true, DicomAlwaysAllowGet: true },
          // Where it reports storage commitment to.
          DicomModalities: { salus: ['SALUS', '127.0.0.1', port] },
        },
      }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([reading?.close(), elsewhere?.close(), orthanc?.stop()]);
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** Waits until it is known what came of a delivery. */
  async function settled({ deliveryId }: Delivery): Promise<Delivery> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const delivery = await reading.client.exchange.getDelivery({ deliveryId });
      const isSettled = !['queued', 'sending', 'sent'].includes(delivery.state);
      if (isSettled || Date.now() > deadline) return delivery;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** A study's files as an export writes them, by SOP Instance UID. */
  async function exported({ client, ended }: CoreWithNodes, name: string) {
    const directory = path.join(folder, name);
    const { jobId } = await client.imaging.exportStudy({ studyUid, directory });
    expect(await ended(jobId)).toMatchObject({ state: 'done' });
    const files = new Map<string, { file: string; sopClassUid: string }>();
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const header = readHeader(readFileSync(file));
      if (!header) continue;
      const elements = openElements(header.bytes, header.elements, header.littleEndian);
      const sopUid = textOf(elements, 'x00080018');
      if (sopUid !== '') files.set(sopUid, { file, sopClassUid: textOf(elements, 'x00080016') });
    }
    return files;
  }

  it('goes from the modality over the report to the archive, and from there to another workstation', async () => {
    // The modality sends.
    await reading.addDimse('scanner', { host: '127.0.0.1', port: 104, aeTitle: 'SCANNER' });
    const { settings } = await reading.client.exchange.receiver();
    await reading.client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port } });
    await storeWithDcmtk({ host: '127.0.0.1', port, aeTitle: 'SALUS' }, instances, 'SCANNER');
    const { study, patient } = await reading.client.imaging.openStudy({ studyUid });
    expect(study.instanceCount).toBe(6);

    // A report is written and signed.
    const draft = await reading.client.reports.openDraft({ studyUid, language: 'fr' });
    const sections = draft.sections.map((section) => ({
      ...section,
      paragraphs: [{ content: [{ kind: 'text' as const, text: 'Rien à signaler.' }] }],
    }));
    const { reportId, version } = await reading.client.reports.saveDraft({
      reportId: draft.reportId,
      baseVersion: draft.version,
      sections,
      keyImages: [],
    });
    const { digest } = await reading.client.reports.preview({ reportId });
    const signed = await reading.client.reports.sign({
      reportId,
      version,
      digest,
      patientId: patient.patientId,
      studyUid,
      password,
    });

    // Images over DIMSE and the report's objects over DICOMweb go to the archive, which proves that it has them.
    const overDimse = { host: '127.0.0.1', port: orthanc.dicomPort ?? 0, aeTitle: orthanc.aeTitle };
    const dimseNode = await reading.addDimse('archive', overDimse);
    const webNode = await reading.addWeb('archive web', orthanc.dicomWebUrl);
    const images = await reading.client.exchange.send({ nodeId: dimseNode.nodeId, studyUid });
    const report = await reading.client.exchange.send({ nodeId: webNode.nodeId, studyUid, reportId });
    expect(await settled(images)).toMatchObject({
      state: 'proven',
      proof: 'commitment',
      refused: 0,
      lastTrouble: null,
    });
    expect(await settled(report)).toMatchObject({ state: 'proven', reportId, refused: 0, lastTrouble: null });

    // Another workstation finds and fetches it.
    const node = await elsewhere.addDimse('archive', overDimse);
    const { rows } = await elsewhere.find([node], { studyUid });
    expect(rows).toMatchObject([{ studyUid, instanceCount: 7, hereCount: 0 }]);
    expect(await elsewhere.fetch(node, studyUid)).toMatchObject({ state: 'done', done: 7, counts: { missing: 0 } });

    // It shows the same study and the same document.
    const fetched = await elsewhere.client.imaging.openStudy({ studyUid });
    const told = ['studyUid', 'studyDate', 'studyTime', 'description', 'accessionNumber'] as const;
    for (const name of told) expect(fetched.study[name], name).toBe(study[name]);
    expect(fetched.patient).toMatchObject({ identifier: patient.identifier, name: patient.name });
    expect(fetched.study).toMatchObject({ instanceCount: 7, identityConflict: false, arriving: false });
    const [there, here] = [await exported(reading, 'there'), await exported(elsewhere, 'here')];
    expect([...here.keys()].sort()).toEqual([...there.keys()].sort());
    const document = [...here.values()].filter(({ sopClassUid }) => sopClassUid === encapsulatedPdf);
    expect(document).toHaveLength(1);
    const pdf = path.join(folder, 'fetched.pdf');
    await runProgram('dcm2pdf', [document[0]?.file ?? '', pdf]);
    const { client, connectionId } = await reading.test.connect.memory();
    await signIn(client, 'first');
    const asset = await reading.test.core.serveAsset(
      new Request(`http://core/documents/${signed.documentId}`),
      connectionId,
    );
    const original = Buffer.from(await asset.arrayBuffer());
    expect(original.subarray(0, 5).toString()).toBe('%PDF-');
    expect(Buffer.compare(readFileSync(pdf).subarray(0, original.length), original)).toBe(0);
    // A value of DICOM has an even number of bytes: one of padding at most.
    expect(readFileSync(pdf).length - original.length).toBeLessThanOrEqual(1);
  });
});
