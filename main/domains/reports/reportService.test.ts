import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Annotation, Study } from '../../../app/domains/imaging/imagingSchema.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import type { Report, ReportTemplate } from '../../../app/domains/reports/reportSchema.ts';
import { openIndexBuilder, openOldIndex, takenOverTables } from '../../database/rebuildIndex.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { openDocumentService } from '../documents/documentService.ts';
import { openSecurityService } from '../security/securityService.ts';
import type { ReportPdfInput } from './pdf/reportPdfInput.ts';
import { reportReplayer } from './reportReplay.ts';
import { openReportService, type ReportService } from './reportService.ts';

const patientId = '00000000-0000-8000-8000-000000000001';
let templateVersion = '1';
const template: ReportTemplate = {
  templateId: 'general',
  get version() {
    return templateVersion;
  },
  modalities: [],
  bodyParts: [],
  title: { en: 'Report', fr: 'Compte rendu' },
  sections: [{ key: 'findings', required: true, title: { en: 'Findings', fr: 'Résultats' }, text: { en: [], fr: [] } }],
};

/** A real store with the real reports, documents and security; of a study only what reports ask of it. */
describe('reports', () => {
  let test: TestStore;
  let study: Study;
  let annotations: Annotation[];
  let pixels: Uint8Array;
  let patient: Partial<Patient>;
  let reports: ReportService;
  let services: Services;
  /** Everything that was printed, the newest last. */
  let printed: Omit<ReportPdfInput, 'fonts'>[];
  /** What happens elsewhere while the PDF is made, and while the signature is written. */
  let whilePrinting: () => void;
  let whileWriting: () => void;

  function open(): void {
    const documents = openDocumentService(test.store);
    services = {
      imaging: {
        getStudyDetail: () => ({ study, patient, series: [] }),
        listAnnotations: () => annotations,
        findAnnotation: (_studyUid: string, annotationId: string, version: number) =>
          annotations.find((one) => one.annotationId === annotationId && one.version === version),
        listKeyImages: () => [],
        listSopUids: () => ['1.2.3.4'],
        listPlaces: () => [{ seriesUid: '1.2.3.1' }],
        countObjects: () => 0,
        storeReportObjects: async () => [],
        renderKeyImage: async () => ({ png: pixels, width: 2, height: 2, pixelAspect: 1, scale: 1 }),
      },
      worklist: { reportChanged: () => whileWriting() },
      security: openSecurityService(test.store),
      documents,
    } as unknown as Services;
    const press = {
      async print(input: Omit<ReportPdfInput, 'fonts'>) {
        printed.push(input);
        whilePrinting();
        return Buffer.from('%PDF-1.7');
      },
      stop: async () => undefined,
    };
    reports = openReportService(test.store, () => services, [template], press);
    services = { ...services, reports };
  }

  beforeEach(async () => {
    printed = [];
    templateVersion = '1';
    test = await openTestStore();
    study = {
      studyUid: '1.2.3',
      patientId,
      modalities: ['CT'],
      bodyParts: [],
      referringPhysician: '',
      instanceCount: 1,
      identityConflict: false,
    } as unknown as Study;
    annotations = [];
    pixels = Uint8Array.of(1, 2, 3);
    patient = { displayName: 'SEEN Somebody' };
    whilePrinting = () => undefined;
    whileWriting = () => undefined;
    open();
  });
  afterEach(() => test.close());

  const save = (draft: Report, text: string): Report =>
    reports.saveDraft(test.author, {
      reportId: draft.reportId,
      baseVersion: draft.version,
      keyImages: [],
      sections: draft.sections.map((section) => ({ ...section, paragraphs: [{ content: [{ kind: 'text', text }] }] })),
    });
  const write = (text: string): Report =>
    save(reports.openDraft(test.author, { studyUid: study.studyUid, language: 'en' }), text);
  const signAs = ({ reportId, version }: Report, digest: string): Promise<Report> =>
    reports.sign(test.author, {
      reportId,
      version,
      digest,
      patientId,
      studyUid: study.studyUid,
      password: test.password,
    });
  const sign = async (draft: Report): Promise<Report> =>
    signAs(draft, (await reports.preview(test.author, draft.reportId)).digest);

  /** The index as the archive alone tells it, and, where `old` is wanted, what the index before still knew. */
  async function rebuild(old: boolean): Promise<number> {
    const keys = test.holder.keys();
    const copy = { ...keys, dataKey: Uint8Array.from(keys.dataKey) };
    const replayer = reportReplayer(() => services);
    const replayers = [old ? replayer : { ...replayer, takeOver: () => undefined }];
    const builder = openIndexBuilder({ platform: test.platform, keys: copy, archive: test.store.archive, replayers });
    await builder.catchUp(new AbortController().signal, () => undefined);
    await test.holder.close();
    const before = openOldIndex(test.home, copy);
    builder.takeOver(before, takenOverTables);
    before.close();
    builder.swap();
    await test.reopen();
    open();
    return builder.counts.damaged;
  }

  it('signs nothing for a study in which a second identity was found while the PDF was made', async () => {
    const draft = write('normal');
    const { digest } = await reports.preview(test.author, draft.reportId);
    whilePrinting = () => {
      study = { ...study, identityConflict: true };
    };
    await expect(signAs(draft, digest)).rejects.toMatchObject({ code: 'reports.checksFailed' });
    expect(reports.get(draft.reportId).state).toBe('draft');
  });

  const aLength = (version: number, value: number): Annotation =>
    ({
      annotationId: '00000000-0000-8000-8000-00000000000a',
      version,
      sopUid: '1.2.3.4',
      frame: 1,
      tool: 'length',
      points: [
        [1, 1],
        [1, 1 + value],
      ],
      measurements: [{ kind: 'length', value, unit: 'mm', calibration: 'patient' }],
      archived: false,
    }) as unknown as Annotation;
  const image = { seriesUid: '1.2.3.1', sopUid: '1.2.3.4', frame: 1, window: null, caption: 'here' };

  describe('signs the page that was seen, or nothing', () => {
    const changes: Record<string, () => void> = {
      'a measurement drawn on a key image': () => {
        annotations = [aLength(2, 30)];
      },
      'a measurement more on a key image': () => {
        annotations = [...annotations, { ...aLength(1, 5), annotationId: 'another' }];
      },
      'the picture of a key image': () => {
        pixels = Uint8Array.of(1, 2, 4);
      },
      'the patient as named': () => {
        patient = { displayName: 'SEEN Somebody', birthDate: '19500101' };
      },
      'the study as described': () => {
        study = { ...study, description: 'another' } as Study;
      },
      'the letterhead': () => {
        services = {
          ...services,
          security: { ...services.security, setting: (name) => (name === 'siteName' ? 'Elsewhere' : '10') },
        };
      },
      'the version of the template': () => {
        templateVersion = '2';
        open();
      },
    };
    it.each(Object.keys(changes))('when %s changed after the preview', async (what) => {
      annotations = [aLength(1, 20)];
      const draft = write('normal');
      const shown = reports.saveDraft(test.author, { ...draft, baseVersion: draft.version, keyImages: [image] });
      const { digest } = await reports.preview(test.author, draft.reportId);
      changes[what]?.();
      await expect(signAs(shown, digest)).rejects.toMatchObject({ code: 'reports.previewChanged' });
      expect(reports.get(draft.reportId).state).toBe('draft');
      expect(printed).toHaveLength(1);
      // Looked at again, it is signed, and what is printed is what was looked at.
      expect((await sign(shown)).state).toBe('signed');
      const [preview, signed] = printed.slice(-2);
      const { documentId: _a, version: _b, draft: _c, signature: _d, ...seen } = preview!;
      expect(signed).toMatchObject(seen);
      expect({ ...signed, signature: null, ...{ documentId: _a, version: _b, draft: _c } }).toEqual(preview);
    });

    it('and names the page by nothing that a look changes', async () => {
      const draft = write('normal');
      const first = await reports.preview(test.author, draft.reportId);
      test.clock.advance(60_000);
      expect((await reports.preview(test.author, draft.reportId)).digest).toBe(first.digest);
      await expect(signAs(draft, '0'.repeat(64))).rejects.toMatchObject({ code: 'reports.previewChanged' });
    });
  });

  it('saves no section that is not the draft’s, and no number that nobody measured', () => {
    annotations = [aLength(1, 20), aLength(2, 30)];
    const draft = write('normal');
    const chip = (annotationVersion: number, text: string) => ({
      kind: 'measurement' as const,
      annotationId: aLength(1, 0).annotationId,
      annotationVersion,
      text,
    });
    const put = (base: Report, change: object, content: object[] = []) =>
      reports.saveDraft(test.author, {
        reportId: base.reportId,
        baseVersion: base.version,
        keyImages: [],
        sections: base.sections.map((section) => ({ ...section, paragraphs: [{ content }], ...change })) as never,
      });
    const differ = expect.objectContaining({ code: 'reports.sectionsDiffer' });
    for (const change of [{ required: false }, { title: 'Conclusion' }, { key: 'other' }])
      expect(() => put(draft, change)).toThrow(differ);
    expect(() => put({ ...draft, sections: [] }, {})).toThrow(differ);
    const untrue = expect.objectContaining({ code: 'reports.chipUntrue' });
    const junk = [
      chip(1, '21.0\u00a0mm'),
      chip(2, '20.0\u00a0mm'),
      chip(3, '20.0\u00a0mm'),
      chip(1, '20,0\u00a0mm'),
      chip(1, ''),
      { ...chip(1, '20.0\u00a0mm'), annotationId: '00000000-0000-8000-8000-00000000000b' },
      { kind: 'keyImage', sopUid: '1.2.3.4', frame: 1, text: 'normal' },
      { kind: 'keyImage', sopUid: '1.2.3.4', frame: 1, text: 'image 25' },
    ];
    for (const wrong of junk) expect(() => put(draft, {}, [wrong]), JSON.stringify(wrong)).toThrow(untrue);
    expect(reports.get(draft.reportId)).toEqual(draft);
    // A version that is no longer the newest was true when it was measured; what the draft has already stays.
    const kept = put(draft, {}, [chip(1, '20.0\u00a0mm'), { ...junk[6], text: 'image 1' }]);
    annotations = [];
    expect(put(kept, {}, [chip(1, '20.0\u00a0mm'), { ...junk[6], text: 'image 1' }]).version).toBe(kept.version + 1);
  });

  it('lists reports without a word of their text', async () => {
    const signed = await sign(write('a word that only the report may say'));
    const [summary, ...rest] = reports.list({ limit: 10 });
    expect(rest).toEqual([]);
    const { sections: _sections, keyImages: _keyImages, ...known } = signed;
    expect(summary).toEqual(known);
    expect(reports.list({ studyUid: study.studyUid, state: 'draft', limit: 10 })).toEqual([]);
    expect(reports.list({ studyUid: '9.9', limit: 10 })).toEqual([]);
    expect(reports.list({ studyUid: study.studyUid, limit: 10 })).toEqual([summary]);
  });

  it('lets nothing but an addendum follow a signature, also from a window that has not seen it', async () => {
    const signed = await sign(write('normal'));
    expect(() => write('another')).toThrow(expect.objectContaining({ code: 'reports.alreadySigned' }));
    const addendum = reports.startAddendum(test.author, signed.reportId);
    expect(addendum).toMatchObject({ addendumTo: signed.reportId, state: 'draft', version: 1 });
    expect(reports.openDraft(test.author, { studyUid: study.studyUid, language: 'en' })).toEqual(addendum);
    expect(() => save(signed, 'changed')).toThrow(expect.objectContaining({ code: 'reports.notADraft' }));
  });

  it('can be rebuilt after a signature that failed when it was archived already', async () => {
    const draft = write('normal');
    whileWriting = () => {
      throw new Error('the disk is full');
    };
    await expect(sign(draft)).rejects.toThrow();
    whileWriting = () => undefined;
    const changed = save(save(reports.get(draft.reportId), 'not normal'), 'not normal at all');
    const signed = await sign(changed);
    expect(await rebuild(false)).toBe(0);
    expect(reports.get(draft.reportId)).toEqual(signed);
  });

  it('shows no signature after a rebuild that failed when it was archived already', async () => {
    const draft = write('normal');
    whileWriting = () => {
      throw new Error('the disk is full');
    };
    await expect(sign(draft)).rejects.toThrow();
    whileWriting = () => undefined;
    expect(reports.get(draft.reportId)).toEqual(draft);
    for (const old of [true, false]) {
      expect(await rebuild(old)).toBe(0);
      expect(reports.get(draft.reportId).state).toBe('draft');
      expect(reports.get(draft.reportId).signedBy).toBeNull();
    }
  });

  it('keeps the newest save of a draft through a rebuild, though the archive has an older one', async () => {
    const first = write('one');
    const newest = save(save(first, 'two'), 'three');
    expect(await rebuild(true)).toBe(0);
    expect(reports.get(first.reportId)).toEqual(newest);
    const last = save(newest, 'four');
    expect(await rebuild(false)).toBe(0);
    expect(reports.get(first.reportId)).toEqual(last);
  });
});
