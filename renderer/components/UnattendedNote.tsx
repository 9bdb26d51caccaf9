import { useTranslation } from 'react-i18next';
import type { UnattendedState } from '../../app/domains/security/securitySchema.ts';
import { Failure } from '../../app/shared/failure.ts';
import { useFormats } from '../i18n/formats.ts';
import { useFailureText } from './FailureNotice.tsx';
import { Notice } from './Notice.tsx';

/** How the archive was opened at this start, and what happens at the next one. */
export function UnattendedNote({ start }: { start: UnattendedState }) {
  const { t } = useTranslation('unattended');
  const formats = useFormats();
  const failureText = useFailureText();
  const { on, state, at, failure } = start;
  const time = at === null ? '' : formats.dateTime(at);
  if (state === 'failed' && failure !== null)
    return (
      <Notice severity="caution" title={t('now.failed', { time })}>
        {failureText(new Failure(failure, 'not opened'))}
      </Notice>
    );
  if (state === 'opening') return <Notice>{t('now.opening')}</Notice>;
  if (state === 'opened') return <Notice>{t('now.opened', { time })}</Notice>;
  return <Notice>{t(on ? 'now.will' : 'now.waits')}</Notice>;
}
