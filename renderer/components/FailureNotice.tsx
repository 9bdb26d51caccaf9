import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { asFailure } from '../api/asFailure.ts';
import { Button } from './Button.tsx';
import { Notice } from './Notice.tsx';

/** Gives the text a person reads for a Failure: what happened and what to do next, in the window's language. */
export function useFailureText(): (failure: unknown) => string {
  const { t, i18n } = useTranslation('failures');
  return useCallback(
    (error: unknown) => {
      const failure = asFailure(error);
      const known = i18n.exists(failure.code, { ns: 'failures' });
      const seconds =
        typeof failure.details.retryAfterMs === 'number' ? Math.ceil(failure.details.retryAfterMs / 1000) : undefined;
      const text = known
        ? t(failure.code, { ...failure.details, ...(seconds === undefined ? {} : { seconds, count: seconds }) })
        : t('unknown', { code: failure.code });
      return failure.incidentId ? `${text} ${t('incident', { incidentId: failure.incidentId })}` : text;
    },
    [t, i18n],
  );
}

export interface FailureNoticeProps {
  readonly failure: unknown;
  readonly retry?: () => void;
  readonly severity?: 'inform' | 'caution' | 'block' | 'unsafe';
}

/** A Failure where it happened, in words, with a way to try again where trying again can help. */
export function FailureNotice({ failure, retry, severity = 'block' }: FailureNoticeProps) {
  const text = useFailureText();
  const { t } = useTranslation('components');
  return (
    <Notice
      severity={severity}
      action={
        retry ? (
          <Button size="s" onClick={retry}>
            {t('retry')}
          </Button>
        ) : undefined
      }
    >
      {text(failure)}
    </Notice>
  );
}
