import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Annotation, KeyImage } from '../../../app/domains/imaging/imagingSchema.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { ReadingWorkplace } from './ReadingWorkplace.tsx';
import { type DeskStudy, ReadingDesk } from './readingDesk.ts';
import { createReadingStore, type ReadingStore } from './readingStore.ts';
import { useLatest } from './useActiveView.ts';
import './readingOverlay.css';
import './readingRoom.css';
import './readingSide.css';

export { prepareGraphics } from '../../viewport/viewport.ts';

/** What the report beside the pictures is told. */
export interface ReportContext {
  readonly studyUid: string;
  readonly patientId: string;
  /** Rises when other contents are shown: pictures that were loaded before are not those any more. */
  readonly revision: number;
  readonly keyImages: readonly KeyImage[];
  readonly annotations: readonly Annotation[];
  readonly onJumpTo: (target: { sopUid: string; frame: number; annotationId?: string }) => void;
}

export interface ReadingRoomProps {
  readonly studyUid: string;
  readonly onClose: () => void;
  /** To what contradicts itself in the study. */
  readonly onConflict: () => void;
  /** Null: this operator sends nothing. */
  readonly onSend: (() => void) | null;
  readonly renderReportPanel: (context: ReportContext) => ReactNode;
}

/** Opens a study, once and on the record, and builds the desk to read it on. */
export default function ReadingRoom({ studyUid, onClose, onConflict, onSend, renderReportPanel }: ReadingRoomProps) {
  const { t } = useTranslation('imaging');
  const opened = useQueryOf(
    'imaging.openStudy',
    { studyUid },
    // Once while it is open, and again at each opening: another is another entry in the audit, and may hold more series.
    { topics: false, staleTimeMs: Number.POSITIVE_INFINITY, keepMs: 0 },
  );
  const { study, patient, series, priors, alsoNamed } = opened.data ?? {};
  if (opened.error) {
    return (
      <div className="reading-message wide">
        <FailureNotice
          failure={opened.error}
          severity={opened.error.code === 'imaging.identityConflict' ? 'unsafe' : 'block'}
          retry={() => void opened.refetch()}
        />
        {opened.error.code === 'imaging.identityConflict' ? (
          <Button variant="primary" onClick={onConflict}>
            {t('room.whatIsThis')}
          </Button>
        ) : null}
        <Button onClick={onClose}>{t('room.close')}</Button>
      </div>
    );
  }
  if (!study || !patient || !series || !priors || !alsoNamed) {
    return (
      <div className="reading-opening" role="status" aria-label={t('room.opening')}>
        <Skeleton height={42} />
        <Skeleton height={400} />
      </div>
    );
  }
  return (
    <DeskHolder
      main={{ study, patient, series, alsoNamed }}
      priors={priors}
      onClose={onClose}
      onSend={onSend}
      renderReportPanel={renderReportPanel}
    />
  );
}

/** Holds the desk for exactly as long as the study is open: made on entering, closed on leaving. */
function DeskHolder({
  main,
  ...rest
}: { main: DeskStudy; priors: readonly DeskStudy['study'][] } & Omit<ReadingRoomProps, 'studyUid' | 'onConflict'>) {
  const api = useApi();
  const { t, i18n } = useTranslation('imaging');
  const mayAnnotate = useLatest(useCan('annotations.write'));
  const [held, setHeld] = useState<{ desk: ReadingDesk; store: ReadingStore }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a desk stands for one opened study; what may change is asked when needed
  useEffect(() => {
    const { studyUid } = main.study;
    const store = createReadingStore(
      main.series
        .filter((series) => series.frameCount > 0)
        .map(({ seriesUid, modality }) => ({ studyUid, seriesUid, modality })),
    );
    const desk = new ReadingDesk(api, main, store, {
      language: () => (i18n.language === 'fr' ? 'fr' : 'en'),
      canAnnotate: () => mayAnnotate.current,
    });
    setHeld({ desk, store });
    return () => {
      setHeld(undefined);
      desk.close();
    };
  }, [api, main.study.studyUid]);
  if (!held) return <div className="reading-opening" role="status" aria-label={t('room.opening')} />;
  return <ReadingWorkplace desk={held.desk} store={held.store} {...rest} />;
}
