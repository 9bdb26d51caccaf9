import { IconFileText } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Failure } from '../../../app/shared/failure.ts';
import { Button } from '../../components/Button.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useStudyLine } from './studyLines.ts';

interface StudyWords {
  readonly who: string;
  readonly what: string;
  readonly isKnown: boolean;
  /** Why they could not be had; null where they are here. */
  readonly failure: Failure | null;
  readonly retry: () => void;
}

/** Whose study it is, and what, in two short texts; null while they are on their way. */
export function useStudyWords(studyUid: string): StudyWords | null {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { line, failure, retry } = useStudyLine(studyUid);
  if (line === undefined)
    return failure === null ? null : { who: t('study.unread'), what: '', isKnown: false, failure, retry };
  const known = { failure: null, retry };
  if (line === null) return { ...known, who: t('study.gone'), what: '', isKnown: false };
  return {
    ...known,
    who: line.patientName || t('study.unnamed'),
    what: [line.modalities.join(' '), line.description, line.studyDate ? formats.date(line.studyDate) : '']
      .filter(Boolean)
      .join(' · '),
    isKnown: true,
  };
}

/** Patient and study of a row, on one line; a sheet before it where only the report goes. */
export function StudyLine({ studyUid, isReport }: { studyUid: string; isReport: boolean }) {
  const { t } = useTranslation('exchange');
  const words = useStudyWords(studyUid);
  if (!words) return <span className="vt-waiting" />;
  return (
    <span title={[isReport ? t('what.report') : '', words.who, words.what].filter(Boolean).join(' · ')}>
      {isReport ? (
        <IconFileText className="exchange-report" size={15} stroke={1.6} aria-label={t('what.report')} />
      ) : null}
      <span className={words.isKnown ? 'exchange-who' : 'quiet'}>{words.who}</span>
      {words.failure === null ? null : (
        <Button
          size="s"
          onClick={(event) => {
            // The row is chosen by a press too.
            event.stopPropagation();
            words.retry();
          }}
        >
          {t('components:retry')}
        </Button>
      )}
      {words.what ? <span className="exchange-sub"> {words.what}</span> : null}
    </span>
  );
}
