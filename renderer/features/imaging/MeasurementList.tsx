import {
  IconAngle,
  IconCircle,
  IconFocusCentered,
  IconLasso,
  IconPlus,
  IconRectangle,
  IconRuler2,
  IconTrash,
} from '@tabler/icons-react';
import { type ReactNode, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { Button, IconButton } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { annotationLines } from '../../viewport/viewport.ts';
import type { AnnotationJournal, JournalEntry } from './annotationJournal.ts';
import type { ReadingActions } from './readingActions.ts';
import type { ReadingDesk } from './readingDesk.ts';
import type { ReadingState } from './readingStore.ts';
import { useActiveView } from './useActiveView.ts';

const icon = { size: 16, stroke: 1.6 } as const;
const pictures: Record<Annotation['tool'], ReactNode> = {
  length: <IconRuler2 {...icon} />,
  arrow: <IconRuler2 {...icon} />,
  bidirectional: <IconPlus {...icon} />,
  angle: <IconAngle {...icon} />,
  ellipse: <IconCircle {...icon} />,
  rectangle: <IconRectangle {...icon} />,
  freehand: <IconLasso {...icon} />,
  probe: <IconFocusCentered {...icon} />,
};

export interface MeasurementListProps {
  readonly journal: AnnotationJournal;
  readonly isPrior: boolean;
  readonly actions: ReadingActions;
  readonly desk: ReadingDesk;
  readonly state: ReadingState;
  readonly canAnnotate: boolean;
}

/** The measurements of the study, newest last. A click goes to the image; what is not saved says so. */
export function MeasurementList({
  journal,
  isPrior,
  actions,
  desk,
  state: reading,
  canAnnotate,
}: MeasurementListProps) {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  const state = useSyncExternalStore(journal.watch, journal.getState);
  const selectedId = useActiveView(desk, reading, (view) => view.selectedAnnotationId);
  const shown = state.entries.filter((entry) => !entry.content.archived);
  const failed = state.entries.find((entry) => entry.failure !== undefined);
  const hasDetector = shown.some((entry) => entry.content.measurements.some((each) => each.calibration === 'detector'));
  return (
    <div className="reading-measurements">
      {isPrior ? <p className="reading-mark prior">{t('measurements.ofPrior')}</p> : null}
      {state.keptBoth ? <Notice severity="caution">{t('measurements.keptBoth')}</Notice> : null}
      {failed ? <FailureNotice failure={failed.failure} severity="caution" retry={() => journal.retry()} /> : null}
      {shown.length === 0 ? (
        <EmptyState icon={<IconRuler2 size={28} stroke={1.2} aria-hidden />} title={t('measurements.none')}>
          {canAnnotate ? t('measurements.noneWhat') : null}
        </EmptyState>
      ) : (
        <ol>
          {shown.map((entry) => (
            <MeasurementRow
              key={entry.content.annotationId}
              entry={entry}
              isSelected={entry.content.annotationId === selectedId}
              canAnnotate={canAnnotate}
              onJump={() => actions.jumpTo(entry.content)}
              onArchive={() => journal.archive(entry.content.annotationId)}
              onLabel={(label) => journal.put({ ...entry.content, label })}
            />
          ))}
        </ol>
      )}
      {hasDetector ? <p className="label">{t('measurements.atDetector')}</p> : null}
      <footer className="reading-saved" data-testid="saved-mark">
        {state.unsavedCount > 0 ? (
          <span className="reading-unsaved">{t('measurements.unsaved', { count: state.unsavedCount })}</span>
        ) : state.savedAt === undefined ? null : (
          <span>{t('measurements.saved', { at: formats.clock(state.savedAt) })}</span>
        )}
        <span className="spacer" />
        {canAnnotate ? (
          <>
            <Button size="s" variant="ghost" disabled={!state.canUndo} onClick={() => journal.undo()} kbd="mod+z">
              {t('measurements.undo')}
            </Button>
            <Button size="s" variant="ghost" disabled={!state.canRedo} onClick={() => journal.redo()}>
              {t('measurements.redo')}
            </Button>
          </>
        ) : null}
      </footer>
    </div>
  );
}

interface RowProps {
  readonly entry: JournalEntry;
  readonly isSelected: boolean;
  readonly canAnnotate: boolean;
  readonly onJump: () => void;
  readonly onArchive: () => void;
  readonly onLabel: (label: string) => void;
}

function MeasurementRow({ entry, isSelected, canAnnotate, onJump, onArchive, onLabel }: RowProps) {
  const { t, i18n } = useTranslation('imaging');
  const { content } = entry;
  const lines = annotationLines(
    { label: '', measurements: content.measurements },
    i18n.language === 'fr' ? 'fr' : 'en',
  );
  return (
    <li
      className={['reading-measurement', isSelected ? 'on' : '', entry.isSaved ? '' : 'unsaved']
        .filter(Boolean)
        .join(' ')}
    >
      <button
        type="button"
        className="reading-measurement-jump"
        onClick={onJump}
        title={t('measurements.jump')}
        data-testid="measurement"
      >
        <span className="reading-measurement-icon">{pictures[content.tool]}</span>
        <span className="reading-measurement-lines">
          {lines.length === 0 ? <b>{t('measurements.noNumbers')}</b> : null}
          {lines.map((line, index) => (index === 0 ? <b key={line}>{line}</b> : <span key={line}>{line}</span>))}
        </span>
      </button>
      {canAnnotate ? (
        <>
          <input
            key={content.label}
            className="reading-measurement-label"
            defaultValue={content.label}
            maxLength={200}
            placeholder={t('measurements.label')}
            aria-label={t('measurements.label')}
            onBlur={(event) => {
              const label = event.target.value.trim();
              if (label !== content.label) onLabel(label);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.currentTarget.blur();
            }}
          />
          <IconButton
            size="s"
            label={t('measurements.archive')}
            icon={<IconTrash size={14} stroke={1.6} />}
            onClick={onArchive}
            tooltipSide="left"
          />
        </>
      ) : content.label ? (
        <span className="label">{content.label}</span>
      ) : null}
      {entry.isSaved ? null : <span className="reading-unsaved">{t('measurements.notSaved')}</span>}
    </li>
  );
}
