import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Study } from '../../../app/domains/imaging/imagingSchema.ts';
import type { Report, ReportTemplate } from '../../../app/domains/reports/reportSchema.ts';
import { openIndexBuilder, openOldIndex, takenOverTables } from '../../database/rebuildIndex.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { openDocumentService } from '../documents/documentService.ts';
import { openSecurityService } from '../security/securityService.ts';
import { reportReplayer } from './reportReplay.ts';
import { openReportService, type ReportService } from './reportService.ts';

const patientId = '00000000-0000-8000-8000-000000000001';
const template: ReportTemplate = {
  templateId: 'general',
  version: '1',
  modalities: [],
  bodyParts: [],
  title: { en: 'Report', fr: 'Compte rendu' },
  sections: [{ key: 'findings', required: true, title: { en: 'Findings', fr: 'Résultats' }, text: { en: [], fr: [] } }],
};

/** A real store with the real reports, documents and security; of a study only what reports ask of it. */
describe('reports', () => {
  let test: TestStore;
  let study: Study;
  let reports: ReportService;
  let services: Services;
  /** What happens elsewhere while the PDF is made, and while the signature is written. */
  let whilePrinting: () => void;
  let whileWriting: () => void;

  function open(): void {
    const documents = openDocumentService(test.store);
    services = {
      imaging: {
        getStudyDetail: () => ({ study, patient: {}, series: [] }),
        listAnnotations: () => [],
        listKeyImages: () => [],
        listSopUids: () => [],
      },
      worklist: { reportChanged: () => whileWriting() },
      security: openSecurityService(test.store),
      documents,
    } as unknown as Services;
    const press = {
      async print() {
        whilePrinting();
        return Buffer.from('%PDF-1.7');
      },
      stop: async () => undefined,
    };
    reports = openReportService(test.store, () => services, [template], press);
    services = { ...services, reports };
  }

  beforeEach(async () => {
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
  const sign = ({ reportId, version }: Report): Promise<Report> =>
    reports.sign(test.author, { reportId, version, patientId, studyUid: study.studyUid, password: test.password });

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
    whilePrinting = () => {
      study = { ...study, identityConflict: true };
    };
    await expect(sign(draft)).rejects.toMatchObject({ code: 'reports.checksFailed' });
    expect(reports.get(draft.reportId).state).toBe('draft');
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
