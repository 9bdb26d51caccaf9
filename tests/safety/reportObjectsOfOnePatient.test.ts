import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { worklistFilterSchema } from '../../app/domains/worklist/worklistSchema.ts';
import { type JsonDataSet, toDicomJson } from '../../main/dicom/dicomJson.ts';
import { openElements } from '../../main/dicom/elementValues.ts';
import { readHeader } from '../../main/dicom/part10.ts';
import { openSignedStudies, type SignedStudies } from './signedStudies.ts';

/**
 * The hazards: a report that goes out as an object of another patient than the one it is about; a report that hides
 * images nobody has read; a signature that is lost because its object could not be made.
 */
let t: SignedStudies;
beforeEach(async () => {
  t = await openSignedStudies();
});
afterEach(() => t.close());

const anne = { study: '1.1', series: '1.1.1', identifier: 'A1', name: 'Lefèvre^Anne' };
const keyImages = [{ sopUid: '1.1.9', seriesUid: '1.1.1', frame: 1 }];
const objectsOf = (reportId: string) => t.services.reports.storeObjects(t.test.author, reportId);
const study = (studyUid: string) => t.services.imaging.getStudyDetail(studyUid);

const mark = () =>
  t.services.imaging.setKeyImage(t.test.author, {
    studyUid: '1.1',
    seriesUid: '1.1.1',
    sopUid: '1.1.9',
    frame: 1,
    window: null,
    marked: true,
  });

async function row(studyUid: string) {
  const filter = worklistFilterSchema.parse({});
  const sort = { key: 'receivedAt', direction: 'descending' } as const;
  const { rows } = await t.services.worklist.list({ filter, sort, offset: 0, limit: 100 });
  const found = rows.find((one) => one.studyUid === studyUid);
  if (!found) throw new Error('no such line');
  return found;
}

/** An object as the archive has it. */
async function archived(studyUid: string, sopUid: string): Promise<{ json: JsonDataSet; bytes: Uint8Array }> {
  const [place] = t.services.imaging.listPlaces({ studyUid, sopUid });
  const bytes = await t.test.store.archive.get(place?.objectName ?? '');
  const header = readHeader(bytes);
  if (!header) throw new Error('no DICOM');
  return { json: toDicomJson(openElements(header.bytes, header.elements, header.littleEndian)), bytes };
}

describe('the objects of a signed report', () => {
  it('carry the patient of its study, as the images name them, and the signed document', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' }, { study: '1.2', identifier: 'B2', name: 'Martin^Paul' });
    const report = await t.sign('1.1', { keyImages });
    const [document = '', selection = ''] = await objectsOf(report.reportId);
    for (const sopUid of [document, selection]) {
      const { json } = await archived('1.1', sopUid);
      expect(json['00100010']?.Value).toEqual([{ Alphabetic: 'Lefèvre^Anne' }]);
      expect(json['00100020']?.Value).toEqual(['A1']);
      expect(json['0020000D']?.Value).toEqual(['1.1']);
    }
    const pdf = await t.services.documents.read(report.documentId ?? '');
    const { bytes } = await archived('1.1', document);
    expect(Buffer.from(bytes).includes(Buffer.from(pdf.content))).toBe(true);
    expect(study('1.2').study.instanceCount).toBe(1);
  });

  it('are there once, however often they are asked for, and by the same name after a new start', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    const { reportId } = await t.sign('1.1', { keyImages });
    const once = await objectsOf(reportId);
    expect(await Promise.all([objectsOf(reportId), objectsOf(reportId)])).toEqual([once, once]);
    await t.reopen();
    expect(await objectsOf(reportId)).toEqual(once);
    expect(study('1.1').study.instanceCount).toBe(3);
  });

  it('are no images to read: the study has not grown, and what comes later still counts', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    const first = await t.sign('1.1', { keyImages });
    await objectsOf(first.reportId);
    expect(await row('1.1')).toMatchObject({ reportState: 'signed', unreadInstances: 0, modalities: ['CT'] });
    mark();
    const marks = await t.services.imaging.storeMarkedImages(t.test.author, { studyUid: '1.1', language: 'fr' });
    expect(marks).toHaveLength(1);
    expect((await row('1.1')).unreadInstances).toBe(0);
    await t.importSlices({ ...anne, number: 2 });
    expect((await row('1.1')).unreadInstances).toBe(1);
    const addendum = await t.sign('1.1', { addendumTo: first.reportId });
    expect((await row('1.1')).unreadInstances).toBe(0);
    const [document = ''] = await objectsOf(addendum.reportId);
    expect((await archived('1.1', document)).json['00420010']?.Value?.[0]).toMatch(/^Addendum\u202f: /);
    expect(await row('1.1')).toMatchObject({ reportState: 'addendum', unreadInstances: 0, modalities: ['CT'] });
    await t.importSlices({ ...anne, number: 3 });
    expect((await row('1.1')).unreadInstances).toBe(1);
    const unseen = study('1.1').series.filter(({ modality }) => modality === 'DOC' || modality === 'KO');
    expect(unseen).toHaveLength(4);
    expect(unseen.every(({ frameCount, representative }) => frameCount === 0 && representative === null)).toBe(true);
  });

  it('survive an index made anew from the archive alone', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    const { reportId } = await t.sign('1.1', { keyImages });
    const objects = await objectsOf(reportId);
    await t.importSlices({ ...anne, number: 2 });
    const before = await row('1.1');
    const bytes = (await archived('1.1', objects[0] ?? '')).bytes;
    await t.rebuild();
    expect(await row('1.1')).toEqual(before);
    expect(before.unreadInstances).toBe(1);
    expect((await archived('1.1', objects[0] ?? '')).bytes).toEqual(bytes);
    expect(await objectsOf(reportId)).toEqual(objects);
    expect(study('1.1').study.instanceCount).toBe(4);
  });
});

describe('what stops an object', () => {
  /** A report signed while its objects could not be made. */
  async function signedWithout(spoil: () => Promise<void> | void): Promise<string> {
    const imaging = t.services.imaging as { storeReportObjects: unknown };
    const real = imaging.storeReportObjects;
    imaging.storeReportObjects = () => Promise.reject(new Error('the thread died'));
    const { reportId, state } = await t.sign('1.1', { keyImages });
    imaging.storeReportObjects = real;
    expect(state).toBe('signed');
    await spoil();
    return reportId;
  }

  it('is a second person in the study', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    mark();
    const reportId = await signedWithout(() => t.importSlices({ ...anne, name: 'Martin^Paul' }));
    await expect(objectsOf(reportId)).rejects.toMatchObject({ code: 'imaging.identityConflict' });
    const marked = t.services.imaging.storeMarkedImages(t.test.author, { studyUid: '1.1', language: 'fr' });
    await expect(marked).rejects.toMatchObject({ code: 'imaging.identityConflict' });
    expect(study('1.1').study.instanceCount).toBe(2);
    expect(t.services.reports.get(reportId).state).toBe('signed');
  });

  it('is a second person that comes while it is made', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    const reportId = await signedWithout(() => undefined);
    const [made, arrived] = await Promise.allSettled([
      objectsOf(reportId),
      t.importSlices({ ...anne, name: 'Martin^Paul' }),
    ]);
    expect(arrived.status).toBe('fulfilled');
    // Whichever came first: an object of the study while it was one person's, or none.
    if (made.status === 'rejected') expect(made.reason).toMatchObject({ code: 'imaging.identityConflict' });
    const ours = study('1.1').series.filter(({ modality }) => modality === 'DOC' || modality === 'KO');
    expect(ours).toHaveLength(made.status === 'rejected' ? 0 : 2);
  });

  it('is a name that lost characters, which is never written on', async () => {
    const broken = {
      '00080005': ['CS', 'ISO_IR 192'],
      '00100010': ['PN', Buffer.from('Lef\xe8vre^Anne', 'latin1')],
    } as const;
    await t.importSlices({ ...anne, sop: '1.1.9', more: broken });
    const { reportId, state } = await t.sign('1.1', { keyImages });
    expect(state).toBe('signed');
    await expect(objectsOf(reportId)).rejects.toMatchObject({ code: 'imaging.identityDamaged' });
    expect(study('1.1').study.instanceCount).toBe(1);
    const noted = () =>
      t.test.store.reader.all<{ outcome: string }>(
        "SELECT outcome FROM audit_entry WHERE action = 'reports.storeObjects'",
      );
    await expect.poll(noted, { timeout: 20_000 }).toContainEqual({ outcome: 'failed' });
    expect(t.test.logged.join('\n')).not.toContain('Lef');
  });

  it('is a document or an image that is another’s', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' }, { study: '1.2', identifier: 'B2', name: 'Martin^Paul' });
    const first = await t.sign('1.1', { keyImages });
    const other = await t.sign('1.2');
    await Promise.all([objectsOf(first.reportId), objectsOf(other.reportId)]);
    const { version, language, title, signedAt, documentId } = first;
    const facts = {
      version,
      language,
      title,
      isAddendum: false,
      signedAt: signedAt ?? 0,
      signer: 'Dr A',
      keyImages: [],
    };
    // A report that has no objects yet.
    const reportId = '00000000-0000-8000-8000-00000000000f';
    const mine = { studyUid: '1.1', patientId: first.patientId };
    const others = { studyUid: '1.2', patientId: other.patientId };
    for (const [wrong, code] of [
      [{ ...mine, documentId: other.documentId }, 'imaging.patientDiffers'],
      [{ ...mine, documentId }, 'imaging.patientDiffers'],
      [{ ...mine, patientId: other.patientId, documentId }, 'imaging.patientDiffers'],
      [{ ...others, documentId }, 'imaging.patientDiffers'],
      [
        { ...others, documentId: other.documentId, keyImages: [{ sopUid: '1.1.9', frame: 1, caption: '' }] },
        'imaging.instanceUnknown',
      ],
    ] as const) {
      const report = { ...facts, reportId, ...wrong, documentId: wrong.documentId ?? '' };
      await expect(t.services.imaging.storeReportObjects(t.test.author, report)).rejects.toMatchObject({ code });
    }
    expect(study('1.2').study.instanceCount).toBe(2);
  });

  it('only puts it off: the next start makes it', async () => {
    await t.importSlices({ ...anne, sop: '1.1.9' });
    await signedWithout(() => undefined);
    expect(study('1.1').study.instanceCount).toBe(1);
    await t.reopen();
    t.services.reports.resume();
    await expect.poll(() => study('1.1').study.instanceCount, { timeout: 30_000 }).toBe(3);
    expect(await row('1.1')).toMatchObject({ reportState: 'signed', unreadInstances: 0 });
  });
});
