import { IconAlertTriangle, IconCircleCheck, IconCut, IconPlayerStop } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useFormats } from '../../i18n/formats.ts';
import { matchesAtMost, type NodeAnswer } from './findStore.ts';
import { useTroubleText } from './troubleText.ts';

interface NodeAnswersProps {
  readonly asked: readonly string[];
  readonly answers: ReadonlyMap<string, NodeAnswer>;
  readonly rows: readonly { readonly nodeId: string | null }[];
  readonly nameOf: (nodeId: string) => string;
  /** What was found, as it is counted. */
  readonly counted: 'found' | 'planned';
}

/** How each node asked stands: still searching, how many it found, cut, or why it failed while the others go on. */
export function NodeAnswers({ asked, answers, rows, nameOf, counted }: NodeAnswersProps) {
  const { t } = useTranslation('exchange');
  if (asked.length === 0) return null;
  return (
    <ul className="exchange-answers" aria-label={t('find.answers')} aria-live="polite">
      {asked.map((nodeId) => (
        <li key={nodeId}>
          <b title={nameOf(nodeId)}>{nameOf(nodeId)}</b>
          <AnswerText
            answer={answers.get(nodeId) ?? { state: 'searching' }}
            soFar={rows.reduce((sum, row) => sum + (row.nodeId === nodeId ? 1 : 0), 0)}
            counted={counted}
          />
        </li>
      ))}
    </ul>
  );
}

interface AnswerTextProps {
  readonly answer: NodeAnswer;
  readonly soFar: number;
  readonly counted: NodeAnswersProps['counted'];
}

function AnswerText({ answer, soFar, counted }: AnswerTextProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const count = t(`find.${counted}`, { count: soFar, value: formats.number(soFar) });
  if ('state' in answer)
    return answer.state === 'searching' ? (
      <span className="exchange-answer-busy">
        <span className="btn-spin" aria-hidden />
        {t('find.searching')}
        {soFar > 0 ? ` · ${count}` : ''}
      </span>
    ) : (
      <span className="exchange-caution">
        <IconPlayerStop size={15} stroke={1.8} aria-hidden />
        {t('find.stopped', { found: count })}
      </span>
    );
  if (answer.failure)
    return (
      <span className="exchange-wrong" title={whole(answer.failure)}>
        <IconAlertTriangle size={15} stroke={1.8} aria-hidden />
        {t('find.failed', { found: soFar > 0 ? `${count} · ` : '', why: whole(answer.failure) })}
      </span>
    );
  const seconds = formats.number(answer.tookMs / 1000, 1);
  if (answer.isCut)
    return (
      <span className="exchange-caution">
        <IconCut size={15} stroke={1.8} aria-hidden />
        {t('find.cut', { value: formats.number(Math.min(matchesAtMost, answer.count)) })}
      </span>
    );
  return (
    <span className="exchange-answer-done">
      <IconCircleCheck size={15} stroke={1.8} aria-hidden />
      {t('find.foundIn', {
        found: t(`find.${counted}`, { count: answer.count, value: formats.number(answer.count) }),
        seconds,
      })}
    </span>
  );
}
