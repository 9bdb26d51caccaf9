import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { isEnterTaken, useKeys } from '../../components/keys.ts';
import { Notice } from '../../components/Notice.tsx';
import { useFormats } from '../../i18n/formats.ts';
import type { RulePart } from './exchangeStore.ts';
import { type Trouble, useDetailLines, useTroubleText } from './troubleText.ts';

interface RuleDetailProps {
  readonly part: RulePart;
  readonly name: string;
  readonly enabled: boolean;
  readonly sentence: string;
  readonly lastTrouble: (Trouble & { readonly at: number }) | null;
  readonly facts: readonly (readonly [string, string])[];
  /** Null: this operator only reads. */
  readonly onEdit: (() => void) | null;
  readonly isRemoving: boolean;
  /** Calls `done` when the question can go. */
  readonly onRemove: (done: () => void) => void;
  readonly children?: ReactNode;
}

/** One rule beside the list: what it says, what came of it, what is wrong and what to do about it. */
export function RuleDetail(props: RuleDetailProps) {
  const { part, name, enabled, sentence, lastTrouble, facts, onEdit, isRemoving, onRemove, children } = props;
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const detailLines = useDetailLines();
  const [asking, setAsking] = useState(false);
  const group = t('exchange:places.rules');
  useKeys([
    {
      id: 'exchange.editRule',
      keys: ['e', 'enter'],
      label: t('editKey'),
      group,
      isHidden: !onEdit,
      when: () => onEdit !== null && !isEnterTaken(),
      run: () => onEdit?.(),
    },
    {
      id: 'exchange.removeRule',
      keys: ['delete'],
      label: t('remove'),
      group,
      isHidden: !onEdit,
      when: () => onEdit !== null,
      run: () => setAsking(true),
    },
  ]);
  const details = lastTrouble ? detailLines(lastTrouble.details) : [];
  return (
    <>
      <div className="exchange-whose">
        <b>{name}</b>
      </div>
      <p className="rule-sentence">{sentence}</p>
      <p className={enabled ? 'quiet' : 'exchange-caution'}>{enabled ? t(`state.onWhat.${part}`) : t('state.off')}</p>
      {lastTrouble ? (
        <Notice severity="block" title={t('trouble', { time: formats.dateTime(lastTrouble.at) })}>
          {whole(lastTrouble)}
          {details.length > 0 ? (
            <span className="exchange-details">{details.map((each) => each.join(' ')).join(' · ')}</span>
          ) : null}
        </Notice>
      ) : null}
      <dl className="exchange-facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([word, value]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {children}
      {onEdit ? (
        <div className="exchange-actions">
          <Button className="exchange-grow" kbd="e" onClick={onEdit}>
            {t('editKey')}
          </Button>
          <Button onClick={() => setAsking(true)}>{t('remove')}</Button>
        </div>
      ) : null}
      <ConfirmDialog
        open={asking}
        onClose={() => setAsking(false)}
        title={t('removeTitle', { name })}
        confirmLabel={t('remove')}
        danger
        loading={isRemoving}
        onConfirm={() => onRemove(() => setAsking(false))}
      >
        {t(`removeWhat.${part}`)}
      </ConfirmDialog>
    </>
  );
}
