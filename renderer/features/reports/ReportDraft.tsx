import type { Editor } from '@tiptap/react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { keyImageText, measurementText } from '../../../app/domains/reports/reportRules.ts';
import type { Report, ReportSection } from '../../../app/domains/reports/reportSchema.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { type DraftContent, DraftSaver, type DraftSaveState } from './draftSaver.ts';
import { KeyImageList } from './KeyImageList.tsx';
import type { ReportPanelContext } from './ReportPanel.tsx';
import { type ChipSource, ChipSourceContext } from './reportChips.tsx';
import { SectionEditor } from './SectionEditor.tsx';
import { SignDialog, type SignDialogProps } from './SignDialog.tsx';

export interface ReportDraftProps {
  readonly report: Report;
  readonly context: ReportPanelContext;
  readonly onSigned: (report: Report) => void;
  /** Loads the host's newest version and starts again from it. */
  readonly onReload: () => void;
}

/** The draft: sections, chips, key images, its save state and the way to the signature. */
export function ReportDraft({ report, context, onSigned, onReload }: ReportDraftProps) {
  const { t } = useTranslation('reports');
  const { client } = useApi();
  const formats = useFormats();
  const canSign = useCan('reports.sign');
  const canWrite = useCan('reports.write');
  const [saveState, setSaveState] = useState<DraftSaveState>({ kind: 'saved', at: report.savedAt });
  const [keyImages, setKeyImages] = useState(report.keyImages);
  const [preview, setPreview] = useState<SignDialogProps['preview'] | null>(null);
  const [signFailure, setSignFailure] = useState<unknown>(null);
  const [preparing, setPreparing] = useState(false);
  const sections = useRef<ReportSection[]>(report.sections);
  const editors = useRef(new Map<string, Editor>());
  const focused = useRef<Editor | null>(null);

  const saver = useRef<DraftSaver | null>(null);
  // The versions this window saves come back by the change stream; only the one it started from counts here.
  const start = useRef({ version: report.version, savedAt: report.savedAt });
  useEffect(() => {
    const started = new DraftSaver(
      start.current,
      (baseVersion, content: DraftContent) =>
        client.reports.saveDraft({ reportId: report.reportId, baseVersion, ...content }).catch((error: unknown) => {
          throw asFailure(error);
        }),
      setSaveState,
    );
    saver.current = started;
    return () => started.close();
  }, [client, report.reportId]);

  const changed = useCallback((next: { sections?: ReportSection[]; keyImages?: Report['keyImages'] }) => {
    if (next.sections) sections.current = next.sections;
    if (next.keyImages) setKeyImages(next.keyImages);
    saver.current?.change({ sections: sections.current, keyImages: next.keyImages ?? keyImagesNow.current });
  }, []);
  const keyImagesNow = useRef(keyImages);
  keyImagesNow.current = keyImages;

  const chipSource = useMemo<ChipSource>(
    () => ({
      measurementState: (annotationId, version) => {
        const annotation = context.annotations.find((one) => one.annotationId === annotationId);
        if (annotation === undefined || annotation.archived) return 'missing';
        return annotation.version === version ? 'current' : 'stale';
      },
      jumpToMeasurement: (annotationId) => {
        const annotation = context.annotations.find((one) => one.annotationId === annotationId);
        if (annotation) context.onJumpTo({ sopUid: annotation.sopUid, frame: annotation.frame, annotationId });
      },
      jumpToImage: (sopUid, frame) => context.onJumpTo({ sopUid, frame }),
    }),
    [context],
  );

  const insertionPoint = (): Editor | undefined =>
    focused.current ?? editors.current.get('findings') ?? editors.current.values().next().value;
  const insertMeasurement = (annotation: Annotation): void => {
    insertionPoint()
      ?.chain()
      .focus()
      .insertContent([
        {
          type: 'measurement',
          attrs: {
            annotationId: annotation.annotationId,
            annotationVersion: annotation.version,
            text: measurementText(annotation, report.language),
          },
        },
        { type: 'text', text: ' ' },
      ])
      .run();
  };
  const insertKeyImage = (index: number, keyImage: Report['keyImages'][number]): void => {
    const text = keyImageText(index + 1);
    insertionPoint()
      ?.chain()
      .focus()
      .insertContent([
        { type: 'keyImage', attrs: { sopUid: keyImage.sopUid, frame: keyImage.frame, text } },
        { type: 'text', text: ' ' },
      ])
      .run();
  };

  const prepareSignature = async (): Promise<void> => {
    setPreparing(true);
    setSignFailure(null);
    try {
      const version = await saver.current?.flush();
      const made = await client.reports.preview({ reportId: report.reportId });
      if (made.version !== version) return onReload();
      setPreview(made);
    } catch (error) {
      setPreview(null);
      setSignFailure(asFailure(error));
    } finally {
      setPreparing(false);
    }
  };
  const keepMine = async (): Promise<void> => {
    try {
      const host = await client.reports.get({ reportId: report.reportId });
      await saver.current?.keepMine(host.version);
    } catch (error) {
      setSignFailure(asFailure(error));
    }
  };

  const measurements = context.annotations.filter(
    (annotation) => !annotation.archived && annotation.measurements.length > 0,
  );
  return (
    <ChipSourceContext.Provider value={chipSource}>
      <div className="report-draft">
        <header className="report-head">
          <h2>{report.title}</h2>
          <SaveMark state={saveState} clock={formats.clock} />
        </header>
        {saveState.kind === 'conflict' ? (
          <Notice
            severity="block"
            title={t('conflict.title')}
            action={
              <>
                <Button size="s" onClick={() => void keepMine()}>
                  {t('conflict.keepMine')}
                </Button>
                <Button size="s" onClick={onReload}>
                  {t('conflict.takeTheirs')}
                </Button>
              </>
            }
          >
            {t('conflict.text')}
          </Notice>
        ) : null}
        {saveState.kind === 'failed' ? <FailureNotice failure={saveState.failure} severity="caution" /> : null}
        <div className="report-sections">
          {report.sections.map((section) => (
            <SectionEditor
              key={section.key}
              sectionKey={section.key}
              title={section.title}
              required={section.required}
              initial={section.paragraphs}
              readOnly={!canWrite}
              onReady={(key, editor) => editors.current.set(key, editor)}
              onFocus={(editor) => {
                focused.current = editor;
              }}
              onChange={(paragraphs) =>
                changed({
                  sections: sections.current.map((one) => (one.key === section.key ? { ...one, paragraphs } : one)),
                })
              }
            />
          ))}
          {measurements.length > 0 ? (
            <section className="report-section">
              <h3 className="label">{t('measurements')}</h3>
              <div className="report-insert">
                {measurements.map((annotation) => (
                  <button
                    key={annotation.annotationId}
                    type="button"
                    className="chip finding"
                    title={t('insert')}
                    onClick={() => insertMeasurement(annotation)}
                  >
                    + {annotation.label ? `${annotation.label} ` : ''}
                    {measurementText(annotation, report.language)}
                  </button>
                ))}
              </div>
            </section>
          ) : null}
          <KeyImageList
            marked={context.keyImages}
            chosen={keyImages}
            studyUid={report.studyUid}
            revision={context.revision}
            onChange={(next) => changed({ keyImages: next })}
            onInsert={insertKeyImage}
            onJumpTo={context.onJumpTo}
          />
        </div>
        <footer className="report-foot">
          {signFailure ? <FailureNotice failure={signFailure} /> : null}
          <Button variant="primary" disabled={!canSign} loading={preparing} onClick={() => void prepareSignature()}>
            {t('previewAndSign')}
          </Button>
          {canSign ? null : <span className="label">{t('cannotSign')}</span>}
        </footer>
        {preview ? (
          <SignDialog
            report={report}
            preview={preview}
            renewing={preparing}
            patientId={context.patientId}
            onClose={() => setPreview(null)}
            onSigned={onSigned}
            onChanged={() => void prepareSignature()}
          />
        ) : null}
      </div>
    </ChipSourceContext.Provider>
  );
}

function SaveMark({ state, clock }: { state: DraftSaveState; clock: (ms: number) => string }) {
  const { t } = useTranslation('reports');
  const text = state.kind === 'saved' ? t('save.saved', { time: clock(state.at) }) : t(`save.${state.kind}`);
  return (
    <span className={`label report-save ${state.kind}`} role="status" data-save-state={state.kind}>
      {text}
    </span>
  );
}
