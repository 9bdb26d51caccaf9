import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorklistPage } from '../../worklist/worklistQueries.ts';
import { openTestImaging, type TestImaging } from '../testImaging.ts';

const samples = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'dicom-samples');

/** Every file that is not to be taken, with the reason a person should read; each was looked at with dcmdump. */
const refused: Record<string, string> = {
  'README.md': 'imaging.notDicom',
  // Codec samples without a study and series.
  'pydicom/HTJ2KLossless_08_RGB.dcm': 'imaging.missingUid',
  'pydicom/JLSL_08_07_0_1F.dcm': 'imaging.missingUid',
  'pydicom/JLSL_16_15_1_1F.dcm': 'imaging.missingUid',
  'pydicom/JLSL_RGB_ILV0.dcm': 'imaging.missingUid',
  'pydicom/JLSL_RGB_ILV1.dcm': 'imaging.missingUid',
  'pydicom/JLSL_RGB_ILV2.dcm': 'imaging.missingUid',
  'seg/23x38x3/nrrd/label.nrrd': 'imaging.notDicom',
  'seg/23x38x3/screenshots/brainlab.jpg': 'imaging.notDicom',
  'seg/23x38x3/screenshots/slicer.png': 'imaging.notDicom',
  // Its Series Instance UID is the word REMSAMPLES1.
  'single-frame/gdcm-CT-MONO2-8-abdo.dcm': 'imaging.invalidUid',
  // A sound archive of two files that lack the study and series UIDs.
  'single-frame/dwv-test_bad.zip/dwv-test_bad/dwv-test_no-number-rows.dcm': 'imaging.missingUid',
  'single-frame/dwv-test_bad.zip/dwv-test_bad/dwv-test-simple.dcm': 'imaging.missingUid',
};

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!existsSync(samples))('every sample file (needs ../shared/dicom-samples)', () => {
  let t: TestImaging;
  let scratch: string;
  beforeAll(async () => {
    t = await openTestImaging();
    scratch = mkdtempSync(join(tmpdir(), 'salus-sweep-'));
  });
  afterAll(async () => {
    await t.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('is taken, or refused for a right reason', async () => {
    const job = await t.importPaths(samples);
    expect(job.state).toBe('done');
    const summary = t.imaging.getImportSummary(job.jobId);
    expect(Object.fromEntries(summary.rejected.map(({ path, reason }) => [relative(samples, path), reason]))).toEqual(
      refused,
    );
    const files = walk(samples).filter((path) => !path.endsWith('.zip'));
    const inZip = Object.keys(refused).filter((path) => path.includes('.zip/')).length;
    expect(summary.imported + summary.duplicates + summary.conflicts).toBe(
      files.length + inZip - Object.keys(refused).length,
    );
    // Copies under another name, and one file that lies in two folders.
    expect(summary.duplicates).toBe(2);
  });

  it('the real study comes whole, and its bytes go out as they came in', async () => {
    const [row] = (await t.services.worklist.list(page('fanty'))).rows;
    expect(row).toMatchObject({
      displayName: 'FANTY',
      identifier: '1234567',
      seriesCount: 3,
      instanceCount: 201,
      frameCount: 199,
    });
    const studyUid = row?.studyUid ?? '';
    const { series } = t.imaging.openStudy(studyUid);
    const ct = series.find(({ modality }) => modality === 'CT');
    const instances = t.imaging.listInstances(studyUid, ct?.seriesUid ?? '');
    const numbers = instances.map(({ instanceNumber }) => instanceNumber ?? 0);
    expect(numbers).toEqual([...numbers].sort((left, right) => left - right));

    const job = await t.test.store.jobs.finished(
      t.imaging.startExport(t.test.author, { studyUid, directory: join(scratch, 'out') }),
    );
    expect(job).toMatchObject({ state: 'done', counts: { exported: 201 } });
    const before = walk(join(samples, 'ct-phantom')).map((path) => sha256(readFileSync(path)));
    const exported = walk(join(scratch, 'out'));
    expect(exported.map((path) => sha256(readFileSync(path))).sort()).toEqual(before.sort());
    for (const path of exported) expect(relative(join(scratch, 'out'), path)).toMatch(/^\d{4}\.dcm$/);
  });

  it('is a duplicate the second time', async () => {
    const before = t.services.worklist.counts('');
    const job = await t.importPaths(samples);
    const summary = t.imaging.getImportSummary(job.jobId);
    expect(summary).toMatchObject({ imported: 0, conflicts: 0 });
    expect(t.services.worklist.counts('')).toEqual(before);
  });
});

function page(text: string): WorklistPage {
  return {
    filter: {
      text,
      modalities: [],
      reportStates: [],
      dateFrom: '',
      dateTo: '',
      assignedTo: null,
      patientId: null,
      conflictsOnly: false,
    },
    sort: { key: 'receivedAt', direction: 'descending' },
    offset: 0,
    limit: 100,
  };
}
