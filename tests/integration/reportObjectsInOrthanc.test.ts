import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toDicomJson } from '../../main/dicom/dicomJson.ts';
import { openElements } from '../../main/dicom/elementValues.ts';
import { readHeader } from '../../main/dicom/part10.ts';
import { buildObjects } from '../../main/domains/imaging/objects/buildObjects.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, type Orthanc, startOrthanc } from '../../scripts/services.ts';

const studyUid = '1.2.826.0.1.99';
const pdf = Buffer.from('%PDF-1.7\nan odd number of bytes\n%%EOF');

/** What an archive makes of our objects: the same patient and study, the same document. */
describe.skipIf(!have('orthanc'))('objects of a report in an archive (needs Orthanc)', { timeout: 120_000 }, () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startOrthanc();
  }, 120_000);
  afterAll(() => orthanc?.stop());

  const get = async (path: string) => {
    const response = await fetch(`${orthanc.url}${path}`, { headers: orthanc.headers });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response;
  };
  const put = async (body: Uint8Array) => {
    const headers = { ...orthanc.headers, 'content-type': 'application/dicom' };
    const response = await fetch(`${orthanc.url}/instances`, { method: 'POST', headers, body: Buffer.from(body) });
    return (await response.json()) as { ID: string; ParentStudy: string; ParentPatient: string; Status: string };
  };

  it('join the images of the patient and the study, and give the document back', async () => {
    const slice = aSlice({ study: studyUid, sop: `${studyUid}.1`, name: "L'Hôpital^Françoise" });
    const header = readHeader(slice);
    if (!header) throw new Error('no DICOM');
    const image = {
      studyUid,
      seriesUid: `${studyUid}.1`,
      sopUid: `${studyUid}.1`,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    };
    const [document, selection] = buildObjects({
      kind: 'report',
      study: toDicomJson(openElements(header.bytes, header.elements, header.littleEndian)),
      studyUid,
      atMs: Date.UTC(2026, 6, 1),
      timeZone: 'Europe/Paris',
      softwareVersion: '0.1.0',
      siteId: 'site',
      reportId: 'report',
      version: 2,
      language: 'fr',
      title: 'Scanner thoracique',
      isAddendum: false,
      signer: 'Dr Zoë',
      pdf,
      images: [{ ...image, frame: null, caption: '' }],
    }).map(({ bytes }) => bytes);
    if (!document || !selection) throw new Error('not built');
    const first = await put(slice);
    const kept = [await put(document), await put(selection)];
    for (const { Status, ParentStudy, ParentPatient } of kept) {
      expect([Status, ParentStudy, ParentPatient]).toEqual(['Success', first.ParentStudy, first.ParentPatient]);
    }
    expect((await put(document)).Status).toBe('AlreadyStored');
    const found = Buffer.from(await (await get(`/instances/${kept[0]?.ID}/pdf`)).arrayBuffer());
    expect(found.subarray(0, pdf.length)).toEqual(pdf);
    const tags = (await (await get(`/instances/${kept[1]?.ID}/simplified-tags`)).json()) as Record<string, string>;
    expect(tags).toMatchObject({ PatientName: "L'Hôpital^Françoise", Modality: 'KO', StudyInstanceUID: studyUid });
    const file = Buffer.from(await (await get(`/instances/${kept[0]?.ID}/file`)).arrayBuffer());
    expect(file).toEqual(Buffer.from(document));
  });
});
