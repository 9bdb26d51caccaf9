import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../components/Button.tsx';
import { Notice } from '../../components/Notice.tsx';

interface RuleChangedProps {
  /** The newer one in words; null where it is gone. */
  readonly now: string | null;
  readonly isSaving: boolean;
  readonly onSave: () => void;
}

/** Another person saved the same rule meanwhile: what theirs says now, and the choice. What was typed stays typed. */
export function RuleChanged({ now, isSaving, onSave }: RuleChangedProps) {
  const { t } = useTranslation('rules');
  const place = useRef<HTMLDivElement>(null);
  // The end of a long form is out of view; why nothing was saved must not be.
  useEffect(() => {
    place.current?.scrollIntoView({ block: 'center' });
  }, []);
  return (
    <div ref={place}>
      <Notice
        severity="block"
        title={t('changed.title')}
        action={
          <Button size="s" loading={isSaving} onClick={onSave}>
            {now === null ? t('changed.asNew') : t('changed.over')}
          </Button>
        }
      >
        {now === null ? (
          <p>{t('changed.gone')}</p>
        ) : (
          <>
            <p>
              {t('changed.now')} <b>{now}</b>
            </p>
            <p>{t('changed.kept')}</p>
          </>
        )}
      </Notice>
    </div>
  );
}
