import { IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { useKeys } from '../../components/keys.ts';
import { type RulePart, useExchangeStore } from './exchangeStore.ts';

/** What each part of the place is given. */
export interface RulePartProps {
  readonly onNodes: () => void;
}

const parts: readonly RulePart[] = ['routing', 'prefetch'];

interface RuleBarProps {
  readonly part: RulePart;
  /** Rules of this part; undefined until they are known. */
  readonly count: number | undefined;
  /** Null: this operator only reads. */
  readonly onAdd: (() => void) | null;
}

/** Which of the two kinds of rule is shown, and the way to another one. */
export function RuleBar({ part, count, onAdd }: RuleBarProps) {
  const { t } = useTranslation('rules');
  const setRulePart = useExchangeStore((state) => state.setRulePart);
  const group = t('exchange:places.rules');
  useKeys([
    {
      id: 'rules.part',
      keys: ['arrowleft', 'arrowright'],
      label: t('parts.label'),
      group,
      run: () => setRulePart(part === 'routing' ? 'prefetch' : 'routing'),
    },
    {
      id: 'exchange.addRule',
      keys: ['n'],
      label: t(`add.${part}`),
      group,
      isHidden: !onAdd,
      when: () => onAdd !== null,
      run: () => onAdd?.(),
    },
  ]);
  return (
    <div className="exchange-bar">
      <div className="rule-parts" role="toolbar" aria-label={t('parts.label')}>
        {parts.map((each) => (
          <Chip key={each} on={part === each} onClick={() => setRulePart(each)}>
            {t(`parts.${each}`)}
          </Chip>
        ))}
      </div>
      {count ? <span className="quiet">{t('count', { count })}</span> : null}
      <span className="spacer" />
      {onAdd ? (
        <Button
          variant={count === 0 ? 'primary' : 'default'}
          kbd="n"
          icon={<IconPlus size={15} stroke={1.8} />}
          onClick={onAdd}
        >
          {t(`add.${part}`)}
        </Button>
      ) : null}
    </div>
  );
}
