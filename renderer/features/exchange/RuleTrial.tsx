import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { StudyMatch } from '../../../app/domains/exchange/routingSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { useFormats } from '../../i18n/formats.ts';
import { StudyLine } from './StudyLine.tsx';

interface RuleTrialProps {
  readonly match: StudyMatch;
  /** The key that tries, where a list is under the hands and no form. */
  readonly kbd?: string;
}

/** Which of the newest studies here a rule would mean. Asked by a press; conditions that change ask for another. */
export function RuleTrial({ match, kbd }: RuleTrialProps) {
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const [asked, setAsked] = useState<StudyMatch | null>(null);
  const isAsked = asked !== null && JSON.stringify(asked) === JSON.stringify(match);
  const trial = useQueryOf('exchange.tryRoutingMatch', { match }, { enabled: isAsked, keepMs: 0 });
  const run = (): void => {
    if (isAsked) void trial.refetch();
    setAsked(match);
  };
  useKeys([
    {
      id: 'exchange.tryRule',
      keys: kbd ? [kbd] : [],
      label: t('trial.button'),
      group: t('exchange:places.rules'),
      isHidden: !kbd,
      run,
    },
  ]);
  const result = isAsked ? trial.data : undefined;
  return (
    <div className="rule-trial">
      <div className="rule-trial-head">
        <Button size="s" {...(kbd ? { kbd } : {})} loading={isAsked && trial.isFetching} onClick={run}>
          {result ? t('trial.again') : t('trial.button')}
        </Button>
        {result ? null : <span className="quiet">{t('trial.hint')}</span>}
      </div>
      {isAsked && trial.error ? <FailureNotice failure={trial.error} /> : null}
      {result ? (
        <div role="status" className="rule-trial-result">
          <p>
            <b>
              {result.looked === 0
                ? t('trial.empty')
                : t('trial.result', {
                    count: result.matched,
                    looked: t('trial.looked', { count: result.looked, value: formats.number(result.looked) }),
                    matched: formats.number(result.matched),
                  })}
            </b>{' '}
            <span className="quiet">{t('trial.nothingSent')}</span>
          </p>
          {result.studyUids.length > 0 ? (
            <>
              <span className="label">{t('trial.newest')}</span>
              <ul className="rule-trial-list">
                {result.studyUids.map((studyUid) => (
                  <li key={studyUid} className="exchange-clip">
                    <StudyLine studyUid={studyUid} isReport={false} />
                  </li>
                ))}
              </ul>
            </>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}
