import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallContext } from '../../core.ts';
import { imagingAssets } from './imagingAssets.ts';
import { openTestImaging, type TestImaging } from './testImaging.ts';
import { aSlice } from './testObjects.ts';

let t: TestImaging;
let folder: string;
const instance = '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1';

beforeAll(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-assets-'));
  const put = (name: string, bytes: Buffer) => writeFileSync(join(folder, name), bytes);
  put('a', aSlice({ study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 500 }));
  put('b', aSlice({ study: '1.1', series: '1.1.1', sop: '1.1.1.2', number: 2, value: 600 }));
  const frames = Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(128, value)));
  put(
    'c',
    aSlice({
      study: '1.1',
      series: '1.1.2',
      sop: '1.1.2.1',
      number: 1,
      more: { '00280008': ['IS', '3'], '00280101': ['US', 16], '00280102': ['US', 15], '7FE00010': ['OW', frames] },
    }),
  );
  put(
    'd',
    aSlice({
      study: '2.2',
      series: '2.2.1',
      sop: '2.2.1.1',
      name: 'Müller^Jürgen',
      identifier: 'XY-77',
      more: { '00080060': ['CS', 'MR'], '00080020': ['DA', '20250505'], '00080050': ['SH', 'ACC9'] },
    }),
  );
  put(
    'e',
    aSlice({
      study: '3.3',
      series: '3.3.1',
      sop: '3.3.1.1',
      identifier: 'SR',
      more: { '00080060': ['CS', 'SR'], '7FE00010': null },
    }),
  );
  put(
    'f',
    aSlice({
      study: '4.4',
      series: '4.4.1',
      sop: '4.4.1.1',
      identifier: 'BAD',
      more: { '7FE00010': ['OW', Buffer.alloc(2)] },
    }),
  );
  expect((await t.importPaths(folder)).counts).toMatchObject({ imported: 6, rejected: 0 });
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

async function get(path: string, accept?: string, overrides: Partial<CallContext> = {}) {
  const request = new Request(`http://host${path}`, { headers: accept === undefined ? {} : { accept } });
  const response = await imagingAssets(request, t.context(overrides));
  return {
    status: response.status,
    headers: response.headers,
    type: response.headers.get('content-type') ?? '',
    body: Buffer.from(await response.arrayBuffer()),
  };
}
const json = async (path: string) => JSON.parse((await get(path)).body.toString());
const code = (value: string) => expect.objectContaining({ code: value });

/** Splits a multipart body by its boundary (RFC 2046): headers and content of each part. */
function partsOf({ type, body }: { type: string; body: Buffer }): { header: string; content: Buffer }[] {
  const boundary = /boundary=([^;]+)/.exec(type)?.[1] ?? '';
  const parts: { header: string; content: Buffer }[] = [];
  const mark = Buffer.from(`--${boundary}`);
  let at = body.indexOf(mark);
  for (;;) {
    const next = body.indexOf(mark, at + mark.length);
    if (next < 0) break;
    const part = body.subarray(at + mark.length + 2, next - 2);
    const split = part.indexOf('\r\n\r\n');
    parts.push({ header: part.subarray(0, split).toString(), content: part.subarray(split + 4) });
    at = next;
  }
  expect(body.subarray(at).toString()).toBe(`--${boundary}--\r\n`);
  return parts;
}

describe('search (QIDO-RS)', () => {
  const uids = async (query: string) =>
    ((await json(`/dicomweb/studies${query}`)) as Record<string, { Value: string[] }>[]).map(
      (row) => row['0020000D']?.Value[0],
    );

  it.each([
    ['', ['1.1', '3.3', '4.4', '2.2']],
    ['?PatientID=XY-77', ['2.2']],
    ['?00100020=XY-77', ['2.2']],
    ['?PatientID=xy*', ['2.2']],
    ['?PatientName=m%C3%BCll*', ['2.2']],
    ['?PatientName=*ann?', ['1.1', '3.3', '4.4']],
    ['?PatientName=100%25', []],
    ['?StudyDate=20250101-20251231', ['2.2']],
    ['?StudyDate=-20251231', ['2.2']],
    ['?StudyDate=20260101-', ['1.1', '3.3', '4.4']],
    ['?StudyDate=20250505', ['2.2']],
    ['?AccessionNumber=ACC9', ['2.2']],
    ['?ModalitiesInStudy=MR', ['2.2']],
    ['?ModalitiesInStudy=MR,SR', ['3.3', '2.2']],
    ['?StudyInstanceUID=1.1,2.2', ['1.1', '2.2']],
    ['?limit=1&offset=1', ['3.3']],
    ['?PatientID=nobody', []],
    ['?limit=0', []],
    ['?PatientName=%3F*ller^J*', ['2.2']],
    ['?PatientName=jurgen%20mull', []],
    ['?PatientName=jurgen%20mull&fuzzymatching=true', ['2.2']],
    ['?PatientName=LEFEVRE&fuzzymatching=true', ['1.1', '3.3', '4.4']],
    ['?StudyTime=1000-1030', ['1.1', '3.3', '4.4', '2.2']],
    ['?StudyTime=-10', ['1.1', '3.3', '4.4', '2.2']],
    ['?StudyTime=11-', []],
    ['?studyinstanceuid=2.2', ['2.2']],
  ])('studies%s', async (query, expected) => {
    expect(await uids(query)).toEqual(expected);
  });

  it('gives series and instances with what belongs to them', async () => {
    const series = await json('/dicomweb/studies/1.1/series');
    expect(
      series.map((row: Record<string, { Value: unknown[] }>) => [row['0020000E']?.Value, row['00201209']?.Value]),
    ).toEqual([
      [['1.1.1'], [2]],
      [['1.1.2'], [1]],
    ]);
    const [first] = await json('/dicomweb/studies/1.1/series/1.1.2/instances');
    expect(first['00080018'].Value).toEqual(['1.1.2.1']);
    expect(first['00280008'].Value).toEqual([3]);
    expect(first['00100010'].Value).toEqual([{ Alphabetic: 'Lefèvre^Anne' }]);
    expect((await json('/dicomweb/instances?SOPInstanceUID=1.1.1.2')).length).toBe(1);
    expect((await json('/dicomweb/series?Modality=MR')).length).toBe(1);
  });

  it('says what it did not obey', async () => {
    expect((await get('/dicomweb/studies?SomethingElse=1')).headers.get('warning')).toMatch(/^299 /);
    const warningOf = async (query: string) => (await get(`/dicomweb/studies${query}`)).headers.get('warning');
    for (const query of [
      '?PatientID=x',
      '?fuzzymatching=true',
      '?includefield=all',
      '?includefield=StudyDate,00100040',
    ])
      expect([query, await warningOf(query)]).toEqual([query, null]);
    expect(await warningOf('?PatientWeight=70&00101020=1')).toBe(
      '299 http://host/dicomweb: Parameters that are not supported were ignored: PatientWeight, 00101020',
    );
    expect(await warningOf('?includefield=PatientWeight')).toMatch(/ignored: PatientWeight$/);
    expect(await warningOf('?includefield=SOPInstanceUID')).toMatch(/ignored: SOPInstanceUID$/);
    // What has not the form of an attribute is never said back in a header.
    expect(await warningOf('?M%C3%BCller%0D%0AX:=1')).toMatch(/ignored: unnamed$/);
    expect(await warningOf('?emptyvaluematching=true')).toMatch(/Empty Value Matching has not been performed\.$/);
    expect(await warningOf('?limit=3')).toBe(
      '299 http://host/dicomweb: There are 1 additional results that can be requested',
    );
    expect(await warningOf('?limit=3&offset=1')).toBeNull();
  });

  it('refuses what cannot be meant, and gives nothing found as an empty list', async () => {
    for (const query of [
      'StudyDate=yesterday',
      'StudyDate=2025',
      'StudyDate=20250101-20250201-20250301',
      'StudyDate=-',
      'StudyInstanceUID=1.2*',
      'limit=-1',
      'offset=many',
    ])
      expect([query, (await get(`/dicomweb/studies?${query}`)).status]).toEqual([query, 400]);
    expect((await get('/dicomweb/series?SeriesNumber=one')).status).toBe(400);
    const nothing = await get('/dicomweb/studies?PatientID=nobody');
    expect([nothing.status, nothing.body.toString()]).toEqual([200, '[]']);
    expect((await get('/dicomweb/studies', 'application/dicom+xml')).status).toBe(406);
  });

  it('says where to get what it found', async () => {
    const [study] = await json('/dicomweb/studies?StudyInstanceUID=2.2');
    expect(study['00081190']).toEqual({ vr: 'UR', Value: ['http://host/dicomweb/studies/2.2'] });
    expect(study['00080056'].Value).toEqual(['ONLINE']);
    const inElectron = await imagingAssets(
      new Request('salus://app/dicomweb/studies?StudyInstanceUID=2.2'),
      t.context(),
    );
    expect(((await inElectron.json()) as Record<string, { Value: unknown[] }>[])[0]?.['00081190']?.Value).toEqual([
      'salus://app/dicomweb/studies/2.2',
    ]);
    const [found] = await json('/dicomweb/instances?SOPInstanceUID=1.1.1.2');
    expect(found['00081190'].Value).toEqual(['http://host/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.2']);
  });
});

describe('retrieval (WADO-RS)', () => {
  it('gives the original bytes', async () => {
    const originals = ['a', 'b', 'c'].map((name) => readFileSync(join(folder, name)));
    const study = await get('/dicomweb/studies/1.1');
    expect(study.type).toMatch(/^multipart\/related; type="application\/dicom"/);
    expect(
      partsOf(study).map(
        ({ content }) =>
          content.equals(originals[0] as Buffer) ||
          content.equals(originals[1] as Buffer) ||
          content.equals(originals[2] as Buffer),
      ),
    ).toEqual([true, true, true]);
    expect(partsOf(await get('/dicomweb/studies/1.1/series/1.1.1')).map(({ content }) => content)).toEqual(
      originals.slice(0, 2),
    );
    const alone = await get(instance, 'application/dicom');
    expect(alone.type).toBe('application/dicom');
    expect(alone.body.equals(originals[0] as Buffer)).toBe(true);
  });

  it('gives metadata with the numbers of the frames, and where the pixels are', async () => {
    const rows = await json('/dicomweb/studies/1.1/series/1.1.1/metadata');
    expect(rows.length).toBe(2);
    expect(rows[0]['00280010']).toEqual({ vr: 'US', Value: [8] });
    expect(rows[0]['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Lefèvre^Anne' }] });
    const { BulkDataURI } = rows[0]['7FE00010'];
    expect(partsOf(await get(BulkDataURI))[0]?.content.length).toBe(128);
    expect((await json('/dicomweb/studies/1.1/metadata')).length).toBe(3);
    expect((await json('/dicomweb/studies/3.3/metadata'))[0]['7FE00010']).toBeUndefined();
  });

  it('gives frames, one or several, with or without parts', async () => {
    const pixels = Buffer.alloc(128);
    for (let at = 0; at < 128; at += 2) pixels.writeUInt16LE(500, at);
    const parts = partsOf(
      await get(`${instance}/frames/1`, 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
    );
    expect(parts).toEqual([
      { header: 'Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1', content: pixels },
    ]);
    const alone = await get(`${instance}/frames/1`, 'application/octet-stream');
    expect(alone.type).toBe('application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1');
    expect(alone.body.equals(pixels)).toBe(true);
    const several = partsOf(await get('/dicomweb/studies/1.1/series/1.1.2/instances/1.1.2.1/frames/3,1'));
    expect(several.map(({ content }) => content[0])).toEqual([3, 1]);
  });

  it('gives pictures of a frame, a series and a study', async () => {
    for (const path of [
      `${instance}/rendered`,
      `${instance}/frames/1/rendered`,
      `${instance}/thumbnail`,
      '/dicomweb/studies/1.1/series/1.1.1/thumbnail',
      '/dicomweb/studies/1.1/thumbnail',
    ]) {
      const jpeg = await get(path);
      expect([path, jpeg.type, jpeg.body.readUInt16BE(0)]).toEqual([path, 'image/jpeg', 0xffd8]);
    }
    const png = await get(`${instance}/rendered?window=500,100&viewport=16,16`, 'image/png');
    expect([png.type, png.body.subarray(1, 4).toString(), png.body.readUInt32BE(16)]).toEqual(['image/png', 'PNG', 16]);
  });

  it('answers with the reason', async () => {
    await expect(get('/dicomweb/studies/9.9')).rejects.toEqual(code('imaging.studyUnknown'));
    await expect(get('/dicomweb/studies/1.1/series/9.9/metadata')).rejects.toEqual(code('imaging.seriesUnknown'));
    await expect(get('/dicomweb/studies/1.1/series/1.1.1/instances/1.1.2.1')).rejects.toEqual(
      code('imaging.instanceUnknown'),
    );
    await expect(get(`${instance}/frames/2`)).rejects.toEqual(code('imaging.frameUnknown'));
    await expect(get('/dicomweb/studies/3.3/series/3.3.1/instances/3.3.1.1/frames/1')).rejects.toEqual(
      code('imaging.noPixelData'),
    );
    await expect(get('/dicomweb/studies/3.3/thumbnail')).rejects.toEqual(code('imaging.noPixelData'));
    await expect(get('/dicomweb/studies/4.4/series/4.4.1/instances/4.4.1.1/frames/1')).rejects.toEqual(
      code('imaging.truncatedPixelData'),
    );
    expect((await get(`${instance}/rendered`, 'video/mp4')).status).toBe(406);
    expect((await get(instance, 'text/html')).status).toBe(406);
    expect((await get('/dicomweb/nothing')).status).toBe(404);
    expect((await get(`${instance}/frames/0`)).status).toBe(404);
    expect(
      (await imagingAssets(new Request('http://host/dicomweb/series', { method: 'POST' }), t.context())).status,
    ).toBe(405);
  });

  it('is for those who may read studies', async () => {
    const overrides = { session: t.test.as(['pharmacist']) };
    await expect(get('/dicomweb/studies', undefined, overrides)).rejects.toEqual(code('security.notAllowed'));
    await expect(get(`${instance}/frames/1`, undefined, overrides)).rejects.toEqual(code('security.notAllowed'));
  });

  it('gives whole objects to those who may export studies', async () => {
    const overrides = { session: t.test.as(['viewer']) };
    expect((await get(`${instance}/frames/1`, undefined, overrides)).status).toBe(200);
    expect((await get(`${instance}/metadata`, undefined, overrides)).status).toBe(200);
    await expect(get(instance, undefined, overrides)).rejects.toEqual(code('security.notAllowed'));
    expect((await get(instance, undefined, { session: t.test.as(['technician']) })).status).toBe(200);
  });

  it('stops when nobody waits any more', async () => {
    const abort = new AbortController();
    const request = new Request(`http://host${instance}/frames/1`, { signal: abort.signal });
    abort.abort();
    await expect(imagingAssets(request, t.context())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('an index that lacks a header', () => {
  it('says so instead of giving one slice less', async () => {
    await t.importSlices(
      { study: '6.6', series: '6.6.1', sop: '6.6.1.1', identifier: 'LACK' },
      { study: '6.6', series: '6.6.1', sop: '6.6.1.2', identifier: 'LACK' },
    );
    t.test.store.gate.write(t.test.author, 'test.damage', (tx) =>
      tx.run(
        "DELETE FROM instance_header WHERE instance_row = (SELECT instance_row FROM instance WHERE sop_uid = '6.6.1.2')",
      ),
    );
    await expect(get('/dicomweb/studies/6.6/metadata')).rejects.toEqual(code('storage.databaseDamaged'));
  });
});

describe('a decoder that dies', () => {
  it('takes no other frame with it', async () => {
    // A frame of absurd size is refused by its header alone.
    const path = join(folder, 'absurd');
    writeFileSync(
      path,
      aSlice({
        study: '5.5',
        series: '5.5.1',
        sop: '5.5.1.1',
        identifier: 'ABS',
        more: { '00280010': ['US', 65535], '00280011': ['US', 65535] },
      }),
    );
    await t.importPaths(path);
    await expect(get('/dicomweb/studies/5.5/series/5.5.1/instances/5.5.1.1/frames/1')).rejects.toMatchObject({
      code: expect.stringMatching(/^imaging\./),
    });
    expect((await get(`${instance}/frames/1`)).status).toBe(200);
  });
});
